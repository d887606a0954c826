"""Middleware functions that are synchronous."""

from django.http import HttpResponse
from django.utils.decorators import sync_only_middleware


def plain(get_response):  # middleware
    prefix = "plain"

    # For each request.
    def middleware(request):
        if request.path == "/early/":
            return HttpResponse("early", status=202)
        response = get_response(request)
        response["X-Plain"] = f"{prefix} {request.method.lower()}"
        return response

    return middleware


@sync_only_middleware
def told(get_response):  # middleware
    """Says so."""

    def inner(request):
        answer = get_response(request)
        answer.headers["X-Told"] = "1"
        return answer

    return inner
