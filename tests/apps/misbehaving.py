"""ASGI applications that break a rule, one each."""

import asyncio

from hybrid.bridge.types import Receive, Scope, Send


class Unusual(BaseException):
    """An exception that `except Exception` lets through."""


async def start_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """Start a second response."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.start", "status": 200})


async def body_first(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a body without a head."""
    await send({"type": "http.response.body", "body": b"first"})


async def body_after_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Send more after the end."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"all"})
    await send({"type": "http.response.body", "body": b"and more"})


async def no_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Return without a word."""


async def no_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Return in the middle of a response."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})


async def unknown_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Send what HTTP does not know."""
    await send({"type": "websocket.send", "text": "hello"})


async def no_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Send what is no message."""
    await send(None)  # type: ignore[arg-type]


async def text_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Send text for bytes."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": "text"})


async def text_header(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a header of text."""
    await send({"type": "http.response.start", "status": 200, "headers": [("a", "b")]})


async def text_status(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a status of text."""
    await send({"type": "http.response.start", "status": "200"})


async def injected_value(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a field that the client's query has put a line end into, and another field after it."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nset-cookie: evil")]})


async def injected_name(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a field whose name is two."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a: b\r\nset-cookie", b"evil")]})


async def too_long(scope: Scope, receive: Receive, send: Send) -> None:
    """Send more than was announced."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"too long"})


async def too_long_in_parts(scope: Scope, receive: Receive, send: Send) -> None:
    """Send more than was announced, when a part has been sent already."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"too", "more_body": True})
    await send({"type": "http.response.body", "body": b" long"})


async def too_short(scope: Scope, receive: Receive, send: Send) -> None:
    """Send less than was announced."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"too short"[:3], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def raises_first(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail before anything was sent."""
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
