"""ASGI applications whose lifespan goes well, or wrong in one way each."""

import asyncio
import json
import os
import sys
from pathlib import Path

from hybrid.bridge.types import Receive, Scope, Send


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Say when it starts, serves and stops; answer with the state that startup left."""
    if scope["type"] == "http":
        _say("a request")
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": json.dumps(scope["state"]).encode()})
        return
    await receive()
    _say("startup")
    scope["state"]["colour"] = "blue"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    _say("shutdown")
    await send({"type": "lifespan.shutdown.complete"})


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail to start, and leave behind whether the server was listening by then, at the Unix socket UDS."""
    await receive()
    listening = Path(os.environ["UDS"]).exists()  # noqa: ASYNC240 - nobody is waiting
    await send({"type": "lifespan.startup.failed", "message": f"no database; listening: {listening}"})


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    """Know nothing of lifespan."""
    raise ValueError("what is that?")


async def starts_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Never come to an end with starting; clean up when cancelled."""
    _say("starting")
    try:
        await asyncio.Event().wait()
    finally:
        _say("cleaned up")


async def stops_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Never come to an end with stopping."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    _say("stopping for ever")
    await asyncio.Event().wait()
