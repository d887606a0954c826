"""Requests of every kind, in code with comments, several to a line, and over lines."""

from django.http import HttpResponse
from django.views import View


def first(request):
    # Where the client is.
    address = request.environ["REMOTE_ADDR"]  # of the proxy
    return HttpResponse(address + request.environ.get("HTTP_HOST", "") + request.environ["PATH_INFO"])


class Cart(View):
    def get(self, request):
        return HttpResponse(
            (
                self
                .request  # ours
                .environ["QUERY_STRING"]
            )
        )

    def post(self, request):
        self.request.environ["shop.cart"] = 1
        name = f"é{request.environ['REMOTE_ADDR']}" + request.environ["é"]
        return HttpResponse(name)


def guarded(request):
    if hasattr(request, "environ"):
        return request.environ
    return request.META


def server(environ, start_response):
    return environ["wsgi.input"]


def kept(request):
    return request.environ["shop.kept"]  # hybrid: ignore[HM101] served by WSGI alone


ADDRESS = "REMOTE_ADDR"


def by_name(request):
    environ = getattr(request, "environ")  # all of it
    return HttpResponse(environ, (getattr(self.request, "environ"))[ADDRESS], request.environ.get(ADDRESS))
