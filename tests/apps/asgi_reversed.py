"""An ASGI application for WSGI servers: one path for each thing that can happen to a response."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncIterator

from hybrid.bridge import ASGIToWSGI, WSGIToASGI
from hybrid.bridge.types import Message, Receive, Scope, Send
from tests.apps import wsgi_answer, wsgi_environ

_TEXT = [(b"content-type", b"text/plain")]
_left = asyncio.Event()


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        yield message["body"]
        if not message["more_body"]:
            return


async def _asgi(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(scope, receive, send)
    elif scope["path"] == "/echo":
        await send(_start((b"content-type", b"application/octet-stream")))
        async for part in _body(receive):
            await send(_part(part, more=True))
        await send(_part(b""))
    else:
        await _ANSWERS[scope["path"]](scope, send)


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    sys.stderr.write(f"startup in {os.getpid()}\n")
    scope["state"]["pid"] = os.getpid()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    sys.stderr.write(f"shutdown in {os.getpid()}\n")
    await send({"type": "lifespan.shutdown.complete"})


def _start(*headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [*headers] or _TEXT}


def _part(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def _hello(scope: Scope, send: Send) -> None:
    await send(_start((b"content-length", b"5"), *_TEXT))
    await send(_part(b"hello"))


async def _cookies(scope: Scope, send: Send) -> None:
    await send(_start((b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"transfer-encoding", b"chunked")))
    await send(_part(b"cookies"))


async def _seen(scope: Scope, send: Send) -> None:
    """Show what is in the scope, and where this runs."""
    plain = {key: repr(value) for key, value in scope.items() if key != "wsgi_environ"}
    shown = {**plain, "pid": os.getpid(), "thread": threading.get_ident()}
    await send(_start())
    await send(_part(json.dumps(shown).encode()))


async def _endless(scope: Scope, send: Send) -> None:
    """Send until the client has left, and say so."""
    await send(_start())
    try:
        while True:
            await send(_part(b"x" * 10_000, more=True))
    except OSError:
        _left.set()
        raise


async def _was_left(scope: Scope, send: Send) -> None:
    await _left.wait()
    await _hello(scope, send)


async def _step(scope: Scope, send: Send) -> None:
    """Send a part, and the next one when `/go-on` says that the client has it."""
    await send(_start())
    await send(_part(b"first\n", more=True))
    await _left.wait()
    await send(_part(b"second\n"))


async def _go_on(scope: Scope, send: Send) -> None:
    _left.set()
    await _hello(scope, send)


async def _fails(scope: Scope, send: Send) -> None:
    raise ValueError("before the start")


async def _fails_started(scope: Scope, send: Send) -> None:
    await send(_start())
    raise ValueError("before the body")


async def _fails_late(scope: Scope, send: Send) -> None:
    await send(_start())
    await send(_part(b"begun", more=True))
    raise ValueError("in the middle")


async def _exits(scope: Scope, send: Send) -> None:
    sys.exit("in a request")


_ANSWERS = {
    "/hello": _hello,
    "/cookies": _cookies,
    "/seen": _seen,
    "/endless": _endless,
    "/was-left": _was_left,
    "/step": _step,
    "/go-on": _go_on,
    "/fails": _fails,
    "/fails-started": _fails_started,
    "/fails-late": _fails_late,
    "/exits": _exits,
}

app = ASGIToWSGI(_asgi)
environ = ASGIToWSGI(WSGIToASGI(wsgi_environ.app))
answer = ASGIToWSGI(WSGIToASGI(wsgi_answer.app))
