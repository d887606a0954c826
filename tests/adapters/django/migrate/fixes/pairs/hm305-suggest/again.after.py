"""A module that has been changed before."""

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse


def rows():
    yield "a"


def old(request):
    return _streamed(request, StreamingHttpResponse(rows()))


def new(request):
    return _streamed(request, StreamingHttpResponse(rows()))


def _streamed(request, response):
    if isinstance(request, ASGIRequest):
        response.streaming_content = _parts_in_thread(response.streaming_content)
    return response


async def _parts_in_thread(parts):
    end = object()
    while (part := await sync_to_async(next)(parts, end)) is not end:
        yield part
