"""Remembers the server's event loop, for applications in the same process to compare with."""

import asyncio

from hybrid.bridge.types import Receive, Scope, Send

#: The loop on which the lifespan startup ran.
loop: asyncio.AbstractEventLoop | None = None


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Take part in the lifespan, and answer nothing."""
    global loop  # noqa: PLW0603 - other modules read it
    assert scope["type"] == "lifespan"
    await receive()
    loop = asyncio.get_running_loop()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
