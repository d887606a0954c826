"""HM101 and HM102."""

from django.http import HttpRequest, HttpResponse
from django.views import View


def environ_of_argument(request):
    return HttpResponse(request.environ["REMOTE_ADDR"])  # HM101


def environ_of_annotated(req: HttpRequest, pk: int = 0):
    return HttpResponse(req.environ)  # HM101


class Environ(View):
    def get(self, request):
        environ = self.request.environ  # HM101
        return HttpResponse(environ["PATH_INFO"])

    def wsgi_app(self, environ, start_response):
        return environ["wsgi.input"]  # not HM102


def environ_by_name(request):
    environ = getattr(request, "environ")  # HM101
    ready = getattr(request, "environ", {})  # not HM101
    other = getattr(request, "META")  # not HM101
    return HttpResponse([environ, ready, other])


BODY = "wsgi.input"
PATH: str = "PATH_INFO"
EITHER = "RAW_URI"
if BODY:
    EITHER = "PATH_INFO"


def key_by_name(request):
    body = request.META[BODY]  # HM102
    path = request.META[PATH]  # not HM102
    either = request.META[EITHER]  # not HM102
    return HttpResponse([body, path, either])


def asks_first(request):
    if hasattr(request, "environ"):
        return HttpResponse(request.environ["PATH_INFO"])  # not HM101
    return HttpResponse(request.META["PATH_INFO"])  # not HM102


def left_early(request):
    if not hasattr(request, "environ"):
        return HttpResponse()
    return HttpResponse(request.environ)  # not HM101


def is_caught(request):
    try:
        return HttpResponse(request.environ)  # not HM101
    except AttributeError:
        return HttpResponse()


def is_suppressed(request):
    from contextlib import suppress

    with suppress(AttributeError):
        return HttpResponse(request.environ)  # not HM101
    with suppress(KeyError, TypeError):
        return HttpResponse(request.META["RAW_URI"])  # not HM102
    with suppress(ValueError):
        return HttpResponse(request.META["RAW_URI"])  # HM102
    return HttpResponse()


def is_caught_by_base(request):
    try:
        return HttpResponse(request.META["RAW_URI"])  # not HM102
    except LookupError:
        return HttpResponse()


def is_set(request):
    request.environ = {}  # not HM101
    return HttpResponse()


def not_a_request(process):
    return process.environ  # not HM101


def server_keys(request):
    protocol = request.META["SERVER_PROTOCOL"]  # HM102
    raw = request.META.get("RAW_URI", "/")  # HM102
    port = request.META["REMOTE_PORT"] + ":"  # HM102
    threads = request.META["wsgi.multithread"]  # not HM102
    number = int(request.META["REMOTE_PORT"])  # not HM102
    host = request.META.get("HTTP_HOST")  # not HM102
    request.META["wsgi.url_scheme"] = "https"  # HM102
    request.META["wsgi.input"] = None  # not HM102
    if "SERVER_SOFTWARE" in request.META:
        host = request.META["SERVER_SOFTWARE"]  # not HM102
    return HttpResponse([protocol, raw, port, threads, number, host])
