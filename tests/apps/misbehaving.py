"""ASGI applications that end as they should not, one each; asgi_plays.py sends what must not be sent."""

import asyncio

from hybrid.bridge.types import Receive, Scope, Send


class Unusual(BaseException):
    """An exception that `except Exception` lets through."""


async def no_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Return without a word."""


async def start_only(scope: Scope, receive: Receive, send: Send) -> None:
    """Return when the response has only been started."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-secret", b"1")]})


async def no_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Return in the middle of a response."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})


async def raises_first(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail before anything was sent."""
    raise RuntimeError("failed on purpose")


async def raises_after_the_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail when the response has only been started."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-secret", b"1")]})
    raise RuntimeError("failed on purpose")


async def raises_in_the_middle(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail in the middle of a response."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise RuntimeError("failed on purpose")


async def raises_last(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail when the response is complete."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"all"})
    raise RuntimeError("failed on purpose")


async def exits(scope: Scope, receive: Receive, send: Send) -> None:
    """End the process, or so it thinks."""
    raise SystemExit(7)


async def interrupts(scope: Scope, receive: Receive, send: Send) -> None:
    """Press Ctrl-C, so to speak."""
    raise KeyboardInterrupt


async def cancels(scope: Scope, receive: Receive, send: Send) -> None:
    """Cancel itself."""
    raise asyncio.CancelledError


async def unusual(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise what is no Exception."""
    raise Unusual("failed on purpose")


async def exits_in_a_task(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail in a group of tasks."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(raises_first(scope, receive, send))
