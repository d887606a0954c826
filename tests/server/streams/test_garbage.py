"""Nothing of a stream waits for the garbage collector: there may be thousands of them a second."""

import asyncio
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hpack import Encoder

from hybrid.server.connection import Connection
from hybrid.server.streams.transport import StreamTransport
from tests.apps import hello_wsgi, websocket_echo
from tests.support.embedded import DEADLINE, on_each_loop, port_of, serving, until
from tests.support.http2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PREFACE,
    FrameReader,
    Kind,
    frame,
    number,
    settings,
)

GREETING = PREFACE + settings() + frame(Kind.SETTINGS, flags=ACK)
RESET = frame(Kind.RST_STREAM, number(8), stream=1)


@pytest.fixture(autouse=True)
def without_collector(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collect nothing in the meantime, and log everything, which pytest keeps."""
    caplog.set_level(logging.INFO, "hybrid.server")
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def left() -> int:
    """Count what streams are made of."""
    return sum(issubclass(type(each), (Connection, StreamTransport)) for each in gc.get_objects())


def request(method: str = "GET", *fields: tuple[str, str], flags: int = END_STREAM) -> bytes:
    """Write the head of a request on stream 1."""
    head = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", "/"), *fields]
    return frame(Kind.HEADERS, Encoder().encode(head), stream=1, flags=END_HEADERS | flags)


WEBSOCKET = request("CONNECT", (":protocol", "websocket"), ("sec-websocket-version", "13"), flags=0)


async def read_until(reader: asyncio.StreamReader, kind: Kind, flags: int) -> None:
    """Read as far as a frame of this kind on the stream, with one of these flags if there are any."""
    frames = FrameReader()
    while True:
        for each in frames.feed(await asyncio.wait_for(reader.read(65536), DEADLINE)):
            if each.stream == 1 and each.kind == kind and (each.flags & flags or not flags):
                return


@pytest.mark.parametrize(
    ("data", "kind", "flags", "then"),
    [
        pytest.param(request(), Kind.DATA, END_STREAM, b"", id="request"),
        pytest.param(request("HEAD"), Kind.HEADERS, END_STREAM, b"", id="without a body"),
        pytest.param(request("GET", ("transfer-encoding", "x")), Kind.RST_STREAM, 0, b"", id="malformed"),
        pytest.param(request("GET", ("expect", "wonders")), Kind.DATA, END_STREAM, b"", id="refused"),
        pytest.param(request("POST", flags=0), None, 0, RESET, id="reset"),
        pytest.param(WEBSOCKET, Kind.HEADERS, 0, RESET, id="websocket"),
    ],
)
@on_each_loop
async def test_stream(data: bytes, kind: Kind | None, flags: int, then: bytes) -> None:
    """A stream is gone as soon as it has ended, however it has, and its connection is there."""
    app: Any = websocket_echo.app if data == WEBSOCKET else hello_wsgi.app
    async with serving(app, http="auto", http2_cleartext=True) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        writer.write(GREETING)
        await until(lambda: left() == 1)
        writer.write(data)
        if kind is not None:
            await read_until(reader, kind, flags)
        else:
            await until(lambda: left() > 1)
        writer.write(then)
        await until(lambda: left() == 1)
        writer.transport.abort()


@pytest.mark.parametrize(
    "data", [b"", request("POST", flags=0), WEBSOCKET], ids=["idle", "request", "websocket"]
)
@on_each_loop
async def test_connection(data: bytes) -> None:
    """A connection that breaks is gone at once, and all of its streams."""
    app: Any = websocket_echo.app if data == WEBSOCKET else hello_wsgi.app
    async with serving(app, http="auto", http2_cleartext=True) as (server, _):
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        writer.write(GREETING + data)
        await until(lambda: left() == (3 if data else 1))
        writer.transport.abort()
        await until(lambda: left() == 0)
