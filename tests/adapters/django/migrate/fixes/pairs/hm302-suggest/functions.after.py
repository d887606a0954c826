"""Middleware functions that are synchronous."""

from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def plain(get_response):  # middleware
    prefix = "plain"

    # For each request.
    if iscoroutinefunction(get_response):

        async def middleware(request):
            if request.path == "/early/":
                return HttpResponse("early", status=202)
            response = await get_response(request)
            response["X-Plain"] = f"{prefix} {request.method.lower()}"
            return response

    else:

        def middleware(request):
            if request.path == "/early/":
                return HttpResponse("early", status=202)
            response = get_response(request)
            response["X-Plain"] = f"{prefix} {request.method.lower()}"
            return response

    return middleware


@sync_and_async_middleware
def told(get_response):  # middleware
    """Says so."""

    if iscoroutinefunction(get_response):

        async def inner(request):
            answer = await get_response(request)
            answer.headers["X-Told"] = "1"
            return answer

    else:

        def inner(request):
            answer = get_response(request)
            answer.headers["X-Told"] = "1"
            return answer

    return inner
