"""ASGI applications whose requests never end by themselves. Each says on stderr when it has one."""

import asyncio
import sys
import threading

from hybrid.bridge.types import Receive, Scope, Send


def _say(scope: Scope) -> None:
    if scope["type"] != "http":
        raise ValueError(f"no {scope['type']} here")
    sys.stderr.write("the request is here\n")


async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for ever."""
    _say(scope)
    await asyncio.Event().wait()


async def on_a_thread(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for a thread that never ends and let nobody cancel that, as frameworks do for plain functions."""
    _say(scope)
    threads = asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    while True:
        try:
            await asyncio.shield(threads)
        except asyncio.CancelledError:
            continue
