"""Nothing of a connection waits for the garbage collector, which may not come for long."""

import asyncio
import gc
import logging
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.connection import Connection
from hybrid.server.sendfile import FileSender
from tests.apps import hello_wsgi, websocket_echo
from tests.support.certificates import Authority, authority
from tests.support.embedded import DEADLINE, on_each_loop, port_of, serving, until
from tests.support.websocket_clients import handshake_bytes

__all__ = ["authority"]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
UPGRADE = handshake_bytes()
PROXY = b"PROXY TCP4 198.51.100.1 203.0.113.1 70 443\r\n"


@pytest.fixture(scope="module", autouse=True)
def without_others() -> Iterator[None]:
    """Leave out what other tests have left: looking through all of it takes a second each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def without_collector(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collect nothing in the meantime, and log everything, which pytest keeps."""
    caplog.set_level(logging.INFO, "hybrid.server")
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def left(*kinds: type) -> int:
    """Count the objects of some kinds that are there; of their own types, as those of others are for show."""
    return sum(issubclass(type(each), kinds) for each in gc.get_objects())


async def read_until(reader: asyncio.StreamReader, mark: bytes) -> None:
    """Read as far as a text, however much comes before it."""
    tail = b""
    while mark not in tail:
        part = await reader.read(1 << 20)
        assert part
        tail = tail[-len(mark) :] + part


async def visit(port: int, data: bytes, answer: bytes, context: ssl.SSLContext | None = None) -> None:
    """Send something, read as far as a text, and leave."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(data)
    if answer:
        await asyncio.wait_for(read_until(reader, answer), DEADLINE)
    else:
        await asyncio.sleep(0.01)  # it may have come, or not
    writer.transport.abort()


@pytest.mark.parametrize(
    ("data", "answer", "settings"),
    [
        pytest.param(b"", b"", {}, id="nothing"),
        pytest.param(GET, b"hello\n", {}, id="request"),
        pytest.param(GET[:9], b"", {}, id="part of a head"),
        pytest.param(b"GET\r\n\r\n", b"400 ", {}, id="refused"),
        pytest.param(POST, b"", {}, id="no body"),
        pytest.param(POST + b"abc", b"", {}, id="part of a body"),
        pytest.param(UPGRADE, b"\r\n\r\n", {}, id="websocket"),
        pytest.param(UPGRADE.replace(b"13", b"12"), b"426 ", {}, id="refused websocket"),
        pytest.param(PROXY[:9], b"", {"proxy_protocol": "v1"}, id="part of a proxy's header"),
        pytest.param(PROXY + GET, b"hello\n", {"proxy_protocol": "v1"}, id="proxy"),
    ],
)
@on_each_loop
async def test_connection(data: bytes, answer: bytes, settings: dict[str, Any]) -> None:
    """A connection is gone as soon as it is closed, wherever it was."""
    app: Any = websocket_echo.app if data == UPGRADE else hello_wsgi.app
    async with serving(app, **settings) as (server, _):
        before = left(Connection)
        for _ in range(3):
            await visit(port_of(server), data, answer)
        await until(lambda: left(Connection) <= before)


@on_each_loop
async def test_tls(authority: Authority) -> None:
    """So is one with TLS, which has large buffers."""
    settings = {"ssl_certfile": authority.folder / "server.pem"}
    async with serving(hello_wsgi.app, **settings) as (server, _):
        before = left(Connection)
        await visit(port_of(server), GET, b"hello\n", authority.client_context())
        await until(lambda: left(Connection) <= before)


@pytest.mark.parametrize("data", [GET, b"\x16\x03\x01", b""])
@on_each_loop
async def test_failed_handshake(authority: Authority, data: bytes) -> None:
    """So is one whose handshake has failed."""
    settings = {"ssl_certfile": authority.folder / "server.pem"}
    async with serving(hello_wsgi.app, **settings) as (server, _):
        before = left(Connection, SSLProtocol)
        await visit(port_of(server), data, b"")
        await until(lambda: left(Connection, SSLProtocol) <= before)


@pytest.mark.parametrize("answer", [b"\r\n\r\n", b"the end"])
@on_each_loop
async def test_file(tmp_path: Path, answer: bytes) -> None:
    """So is one on which an ASGI application sent a file, whether the client took all of it or left."""
    path = tmp_path / "content"
    path.write_bytes(b"x" * 12_000_000 + b"the end")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": str(path)})

    async with serving(app, lifespan="off") as (server, _):
        before = left(Connection, FileSender)
        await visit(port_of(server), GET, answer)
        await until(lambda: left(Connection, FileSender) <= before)
