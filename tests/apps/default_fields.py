"""Applications that send fields of their own, `X-Frame-Options` and others, where the path asks for them."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send

_OWN = [("X-Frame-Options", "DENY"), ("Server", "mine"), ("Link", "</mine>")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, with them for a path that ends in `own`."""
    headers = _OWN if scope["path"].endswith("own") else []
    fields = [(name.lower().encode(), value.encode()) for name, value in headers]
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept", "headers": fields})
        return
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"done"})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer, with them for a path that ends in `own`."""
    headers = _OWN.copy() if environ["PATH_INFO"].endswith("own") else []
    start_response("200 OK", headers)
    return [b"done"]
