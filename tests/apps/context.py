"""Applications that show a context variable, which was set when this was imported, and change it."""

from collections.abc import Iterable
from contextvars import ContextVar
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send

_variable: ContextVar[str] = ContextVar("variable", default="unset")
_variable.set("set at import")


def _look() -> bytes:
    found = _variable.get()
    _variable.set("changed by a request")
    return found.encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer over HTTP, or in a WebSocket."""
    found = _look()
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": found})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": found})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer over HTTP."""
    found = _look()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [found]
