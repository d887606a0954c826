"""Tell, in JSON, where a request came from, as ASGI, WSGI and WebSocket applications see it."""

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, over HTTP or in the first message of a WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": _told(scope)})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": _told(scope).encode()})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer."""
    port = environ.get("REMOTE_PORT")
    fields = {key.removeprefix("HTTP_"): value for key, value in environ.items() if key.startswith("HTTP_")}
    told: dict[str, Any] = {
        "client": [environ["REMOTE_ADDR"], int(port)] if port else None,
        "scheme": environ["wsgi.url_scheme"],
        "server": [environ["SERVER_NAME"], int(environ["SERVER_PORT"])],
        "root": environ["SCRIPT_NAME"].removesuffix("/wsgi"),
        "path": environ["PATH_INFO"],
        "host": environ.get("HTTP_HOST"),
        "fields": {key.lower(): value for key, value in fields.items()},
    }
    start_response("200 OK", [])
    return [json.dumps(told).encode()]


def _told(scope: Scope) -> str:
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    told = {
        "client": scope["client"],
        "scheme": scope["scheme"].replace("ws", "http"),
        "server": scope["server"],
        "root": scope["root_path"],
        "path": scope["path"].removeprefix(scope["root_path"]),
        "host": fields.get("host"),
        "fields": {name.replace("-", "_"): value for name, value in fields.items()},
    }
    return json.dumps(told)
