"""What a module gets that streams to both lanes: Django and asgiref are all that it needs."""

from typing import Final

FUNCTION: Final = "_streamed"
PARTS: Final = "_parts_in_thread"

_TEXT: Final = '''\
def _streamed(request, response):
    """Return a response that streams on ASGI too: Django would collect what is synchronous first."""
    if isinstance(request, {ASGIRequest}) and not response.is_async:
        response.streaming_content = _parts_in_thread(response.streaming_content)
    return response


async def _parts_in_thread(parts):
    """Give what an iterator gives, one by one, each made on the thread of the request."""
    end = object()
    while (part := await {sync_to_async}(next)(parts, end)) is not end:
        yield part
'''


def stream_text(sync_to_async: str, asgi_request: str) -> str:
    """Return the two functions, by what the module calls what they need."""
    return _TEXT.format(sync_to_async=sync_to_async, ASGIRequest=asgi_request)
