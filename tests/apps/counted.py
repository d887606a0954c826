"""Applications whose figures are known: `app` and `wsgi` answer as the path says, `routed` is below a router.

`/status/N` answers with the status, `/bytes/N` with so many bytes, `/parts/N` with so many parts of ten bytes
and no length, `/held` when the file `$RELEASE` is gone, and `/hold` keeps its thread, the loop's too, for
`$HOLD` seconds. What is not known says how many bytes it was sent. WebSockets send everything back.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge import ProtocolTypeRouter, URLRouter, path
from hybrid.bridge.types import Receive, Scope, Send

_STEP = 0.01


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer."""
    if scope["type"] == "websocket":
        await _echo(receive, send)
        return
    if scope["type"] != "http":
        raise ValueError(f"no {scope['type']} here")
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    what, number = _asked(scope["path"])
    if what == "held":
        while _is_held():
            await asyncio.sleep(_STEP)
    elif what == "hold":
        hold()
    await send({"type": "http.response.start", "status": number if what == "status" else 200, "headers": []})
    for _ in range(number if what == "parts" else 0):
        await send({"type": "http.response.body", "body": bytes(10), "more_body": True})
    await send({"type": "http.response.body", "body": _body(what, number, len(body))})


async def starting(scope: Scope, receive: Receive, send: Send) -> None:
    """Say when it starts, which takes until the file `$RELEASE` is gone."""
    if scope["type"] != "lifespan":
        await app(scope, receive, send)
        return
    await receive()
    sys.stderr.write("the application starts\n")
    sys.stderr.flush()
    while _is_held():
        await asyncio.sleep(_STEP)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer."""
    size = len(environ["wsgi.input"].read())
    what, number = _asked(environ["PATH_INFO"])
    if what == "held":
        while _is_held():
            time.sleep(_STEP)
    elif what == "hold":
        hold()
    start_response(f"{number if what == 'status' else 200} Answered", [])
    return _parts(number) if what == "parts" else [_body(what, number, size)]


async def _echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


def hold() -> None:
    """Keep the thread."""
    time.sleep(float(os.environ.get("HOLD", "0")))


def _asked(where: str) -> tuple[str, int]:
    what, _, number = where.removeprefix("/").partition("/")
    return what, int(number) if number.isdigit() else 0


def _is_held() -> bool:
    return Path(os.environ["RELEASE"]).exists()


def _parts(number: int) -> Iterator[bytes]:
    for _ in range(number):
        yield bytes(10)


def _body(what: str, number: int, size: int) -> bytes:
    if what == "bytes":
        return bytes(number)
    return b"" if what in ("status", "parts") else str(size).encode()


routes = URLRouter([path("rooms/<int:room>", app), path("rooms/<slug:name>/log", app)])
routed = ProtocolTypeRouter({"http": routes, "websocket": routes})
