"""Requests of every kind, in code with comments, several to a line, and over lines."""

from django.http import HttpResponse
from django.views import View


def first(request):
    # Where the client is.
    address = request.META["REMOTE_ADDR"]  # of the proxy
    return HttpResponse(address + request.META.get("HTTP_HOST", "") + request.META["PATH_INFO"])


class Cart(View):
    def get(self, request):
        return HttpResponse(
            (
                self
                .request  # ours
                .META["QUERY_STRING"]
            )
        )

    def post(self, request):
        self.request.META["shop.cart"] = 1
        name = f"é{request.META['REMOTE_ADDR']}" + request.META["é"]
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
    environ = request.META  # all of it
    return HttpResponse(environ, (self.request.META)[ADDRESS], request.META.get(ADDRESS))
