"""Applications whose responses end when the server stops, in one way each, or never."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid import shutdown_notice
from hybrid.bridge.shutdown import ShutdownNotice
from hybrid.bridge.types import Receive, Scope, Send


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve HTTP by path, WebSockets until they are closed, and a lifespan that follows the notice."""
    if scope["type"] == "lifespan":
        await _live(scope, receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
    else:
        await {"/": _hello, "/late": _late, "/events": _events, "/gone": _gone, "/deaf": _deaf}[
            scope["path"].removeprefix(scope["root_path"]) or "/"
        ](scope, receive, send)


async def _live(scope: Scope, receive: Receive, send: Send) -> None:
    notice: ShutdownNotice = scope["extensions"]["hybrid.shutdown"]
    assert shutdown_notice() is notice

    async def follow() -> None:
        await notice.wait()
        _say("noticed")

    await receive()
    following = asyncio.create_task(follow())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await following
    _say("shutdown")
    await send({"type": "lifespan.shutdown.complete"})


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    await _start(send)
    await send({"type": "http.response.body", "body": b"hello"})


async def _late(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer only when the server stops."""
    _say("waiting")
    notice: ShutdownNotice = scope["extensions"]["hybrid.shutdown"]
    assert shutdown_notice() is notice
    await notice.wait()
    await _start(send)
    await send({"type": "http.response.body", "body": b"late"})


async def _events(scope: Scope, receive: Receive, send: Send) -> None:
    """Send events until the server stops, and say goodbye."""
    await _start(send)
    await send({"type": "http.response.body", "body": b"data: hello\n\n", "more_body": True})
    await scope["extensions"]["hybrid.shutdown"].wait()
    await send({"type": "http.response.body", "body": b"data: bye\n\n"})


async def _gone(scope: Scope, receive: Receive, send: Send) -> None:
    """Send events until the client has left, and more after that."""
    await _start(send)
    await send({"type": "http.response.body", "body": b"data: hello\n\n", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    await send({"type": "http.response.body", "body": b"data: bye\n\n", "more_body": True})
    await send({"type": "http.response.body"})


async def _deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Send events for ever."""
    await _start(send)
    await send({"type": "http.response.body", "body": b"data: hello\n\n", "more_body": True})
    await asyncio.Event().wait()


async def _start(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Serve the same paths, but for those that ASGI alone has."""
    notice = environ["hybrid.shutdown"]
    known = shutdown_notice()
    assert known is not None
    assert known.threads is notice
    start_response("200 OK", [("Content-Type", "text/plain")])
    path = environ["PATH_INFO"]
    if path == "/late":
        _say("waiting")
        notice.wait(60)
        return [b"late"]
    if path == "/gone":
        return _until_gone(environ)
    return _until_stopped(environ) if path == "/events" else [b"hello"]


def _until_stopped(environ: WSGIEnvironment) -> Iterator[bytes]:
    yield b"data: hello\n\n"
    environ["hybrid.shutdown"].wait(60)
    yield b"data: bye\n\n"


def _until_gone(environ: WSGIEnvironment) -> Iterator[bytes]:
    yield b"data: hello\n\n"
    while not environ["hybrid.disconnected"]():
        environ["wsgi.errors"].flush()
    yield b"data: bye\n\n"
