"""The smallest useful ASGI application: thirteen bytes of plain text for any HTTP request."""

from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BODY = b"Hello, world!"
START: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
}
END: dict[str, Any] = {"type": "http.response.body", "body": BODY}


async def app(scope: dict[str, Any], _receive: Receive, send: Send) -> None:
    """Answer an HTTP request with `BODY`; other scopes are refused, as the ASGI specification asks."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send(START)
    await send(END)
