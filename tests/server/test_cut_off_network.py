"""A response that is cut off, as its client sees it."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from tests.support.embedded import DEADLINE, on_each_loop, port_of, serving


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail in the middle of a response."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise RuntimeError("as intended")


def wsgi(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Fail in the middle of a response."""
    start_response("200 OK", [])
    yield b"part"
    raise RuntimeError("as intended")


@pytest.mark.parametrize("app", [asgi, wsgi])
@on_each_loop
async def test_http_1_0(app: object) -> None:
    """To a client of HTTP/1.0 the end of the connection is that of the response: it gets a reset instead."""
    async with serving(app) as (server, _), asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        with closing(writer), pytest.raises(ConnectionResetError):
            await reader.read()


@pytest.mark.parametrize("app", [asgi, wsgi])
@on_each_loop
async def test_http_1_1(app: object) -> None:
    """One of HTTP/1.1 keeps what there is of it, and misses the last chunk."""
    async with serving(app) as (server, _), asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with closing(writer):
            assert (await reader.read()).endswith(b"\r\n\r\n4\r\npart\r\n")
