"""A module that has it already, but for one view."""

from asgiref.sync import sync_to_async as in_thread
from django.core.handlers import asgi
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse


def rows():
    yield "a"


def view(http_request):
    return _streamed(http_request, StreamingHttpResponse(rows()))


if __name__ == "__main__":
    print(in_thread, asgi)


def _streamed(request, response):
    """Return a response that streams on ASGI too: Django would collect what is synchronous first."""
    if isinstance(request, ASGIRequest) and not response.is_async:
        response.streaming_content = _parts_in_thread(response.streaming_content)
    return response


async def _parts_in_thread(parts):
    """Give what an iterator gives, one by one, each made on the thread of the request."""
    end = object()
    while (part := await in_thread(next)(parts, end)) is not end:
        yield part
