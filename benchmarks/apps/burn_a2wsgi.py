"""`burn_wsgi` behind a2wsgi's bridge with ten threads, beside a WebSocket echo, for ASGI servers."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from a2wsgi import WSGIMiddleware

from benchmarks.apps import burn_wsgi, echo_asgi

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

wsgi: Any = WSGIMiddleware(cast(Any, burn_wsgi.app), workers=10)  # a2wsgi has its own types for PEP 3333


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Give HTTP to the bridge and WebSockets to the echo."""
    await (echo_asgi.app if scope["type"] == "websocket" else wsgi)(scope, receive, send)
