"""Tells in JSON what an ASGI application learns of its TLS connection, over HTTP and over a WebSocket."""

import json
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or the first message."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": _report(scope)})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["path"] == "/change":  # which must not reach the next request
        scope["extensions"]["tls"].clear()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": _report(scope).encode()})


def _report(scope: Scope) -> str:
    told = {"scheme": scope["scheme"], "extensions": sorted(scope["extensions"])}
    return json.dumps({**told, "tls": scope["extensions"].get("tls")})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the variables that have to do with TLS."""
    told = {name: value for name, value in environ.items() if name.startswith(("SSL_", "HTTPS"))}
    told["scheme"] = environ["wsgi.url_scheme"]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
