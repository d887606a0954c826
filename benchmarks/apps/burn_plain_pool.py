"""What `burn_wsgi` does, on a thread pool of the standard library, beside a WebSocket echo.

It is the measure for our own pool, which runs fewer threads at a time: that must not cost throughput.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.apps import burn_wsgi, echo_asgi, hello_asgi

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

pool = ThreadPoolExecutor(10)


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer an HTTP request after some work on a thread; echo on a WebSocket."""
    if scope["type"] == "websocket":
        await echo_asgi.app(scope, receive, send)
        return
    await asyncio.get_running_loop().run_in_executor(pool, burn_wsgi.view)
    await hello_asgi.app(scope, receive, send)
