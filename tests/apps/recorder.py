"""Applications that keep which requests reached them, and show it at `/recorded`, which empties the list."""

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send

_recorded: list[dict[str, Any]] = []


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Keep the head of a request before its body is read, and the body when it is complete."""
    if scope["path"] == "/recorded":
        answer = _take()
    else:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
        record = {"method": scope["method"], "target": target.decode("ascii"), "headers": headers}
        record["version"] = scope["http_version"]
        _recorded.append(record)
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                record["body"] = body.decode("latin-1")
                break
        answer = b"recorded"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": answer})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Keep the method and path of a request."""
    answer = b"recorded"
    if environ["PATH_INFO"] == "/recorded":
        answer = _take()
    else:
        body = environ["wsgi.input"].read().decode("latin-1")
        _recorded.append({"method": environ["REQUEST_METHOD"], "target": environ["PATH_INFO"], "body": body})
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


def _take() -> bytes:
    answer = json.dumps(_recorded).encode()
    _recorded.clear()
    return answer
