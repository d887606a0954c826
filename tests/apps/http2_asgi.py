"""An ASGI application for clients of HTTP/2: a path for each thing that they can do."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable

from hybrid.bridge.types import Receive, Scope, Send

PAGE = b"<!doctype html><meta charset='utf-8'><link rel='icon' href='data:,'><title>page</title>"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Do what the first segment of the path says."""
    if scope["type"] == "websocket":
        await _echo_messages(scope, receive, send)
    else:
        await _PATHS[scope["path"].split("/")[1]](scope, receive, send)


async def _answer(send: Send, body: bytes, kind: bytes = b"text/plain") -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _page(scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, PAGE, b"text/html")


async def _peer(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell the version, and the port of the client, which is its connection."""
    told = {"version": scope["http_version"], "port": scope["client"][1]}
    await _answer(send, json.dumps(told).encode(), b"application/json")


async def _upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the size and the digest of the body."""
    size, digest, more = 0, hashlib.sha256(), True
    while more:
        message = await receive()
        size += len(message["body"])
        digest.update(message["body"])
        more = message["more_body"]
    await _answer(send, f"{size} {digest.hexdigest()}".encode())


async def _download(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with as many bytes as the query says."""
    size = int(scope["query_string"])
    headers = [(b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while size:
        part = bytes(min(size, 65536))
        size -= len(part)
        await send({"type": "http.response.body", "body": part, "more_body": bool(size)})


async def _extras(scope: Scope, receive: Receive, send: Send) -> None:
    """Send early hints and trailers around the response."""
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": b"body", "more_body": True})
    await send({"type": "http.response.body", "body": b" and more"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"abc")]})


async def _events(scope: Scope, receive: Receive, send: Send) -> None:
    """Send three events, and nothing more until the client leaves."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(3):
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
        await asyncio.sleep(0)
    while (await receive())["type"] != "http.disconnect":
        pass


async def _echo_messages(scope: Scope, receive: Receive, send: Send) -> None:
    """Say which version of HTTP carries the WebSocket, and on which connection, and then what it is told."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    told = {"version": scope["http_version"], "port": scope["client"][1]}
    await send({"type": "websocket.send", "text": json.dumps(told)})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


_PATHS: dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]] = {
    "": _page,
    "peer": _peer,
    "upload": _upload,
    "download": _download,
    "extras": _extras,
    "event-stream": _events,
}
