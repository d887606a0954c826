"""HM201."""

from django.contrib.auth.middleware import RemoteUserMiddleware
from django.http import HttpResponse


class ByHeader(RemoteUserMiddleware):
    header = "HTTP_X_AUTH_USER"


class Named:  # HM302
    """A name alone is nothing."""

    RemoteUserMiddleware = None

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


def own(request):
    name = request.META["REMOTE_USER"]  # HM201
    other = request.META.get("HTTP_REMOTE_USER")  # HM201
    third = request.headers.get("Remote-User")  # HM201
    return HttpResponse([name, other, third])


def ready(request):
    if "REMOTE_USER" in request.META:
        return HttpResponse(request.META["REMOTE_USER"])  # not HM201
    return HttpResponse(request.META.get("HTTP_USER_AGENT"))  # not HM201


def of_something_else(mapping):
    return mapping["REMOTE_USER"]  # not HM201
