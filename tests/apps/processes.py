"""Tells which process answers, and misbehaves as workers do: `app` is an ASGI, `wsgi` a WSGI application.

`/` names the process; `/hang` keeps its loop or its thread, `/slow` answers after a fifth of a second,
`/env/NAME` tells a variable of the environment. While the file that `$BROKEN` names is there, the module
cannot be imported. `logging_wsgi` logs each path to the file `$LOG`.
"""

import asyncio
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send

if Path(os.environ.get("BROKEN", "/nowhere/at/all")).exists():
    raise RuntimeError("broken on purpose")

_FOR_EVER = 3600
_SLOW = 0.2


def _answer(path: str) -> bytes:
    name = path.removeprefix("/env/")
    return (os.environ.get(name, "") if name != path else str(os.getpid())).encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HTTP."""
    if scope["type"] != "http":
        raise ValueError(f"no {scope['type']} here")
    if scope["path"] == "/hang":
        time.sleep(_FOR_EVER)  # noqa: ASYNC251 - what must not be done
    if scope["path"] == "/slow":
        await asyncio.sleep(_SLOW)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": _answer(scope["path"])})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer HTTP."""
    path = str(environ["PATH_INFO"])
    if path == "/hang":
        time.sleep(_FOR_EVER)
    if path == "/slow":
        time.sleep(_SLOW)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [_answer(path)]


def logging_wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Log the path, and answer HTTP."""
    logger = logging.getLogger("an application's own")
    if not logger.handlers:
        logger.addHandler(logging.FileHandler(os.environ["LOG"]))
    logger.warning("%s", environ["PATH_INFO"])
    return wsgi(environ, start_response)
