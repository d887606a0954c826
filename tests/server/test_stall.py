"""Clients that take nothing: how it is noticed, and what becomes of those who write to them."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.stall import StallWatch
from tests.support.downloads import connected
from tests.support.embedded import on_each_loop, serving, until
from tests.support.transports import FakeTransport
from tests.support.websocket_clients import handshake_bytes

HANDSHAKE = handshake_bytes()
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


pytestmark = pytest.mark.usefixtures("ticks")


class Transport(FakeTransport):
    """A transport in which some bytes wait."""

    def __init__(self, **extra: Any) -> None:
        super().__init__(**extra)
        self.unsent = 1

    def get_write_buffer_size(self) -> int:
        """Say how many."""
        return self.unsent


# The watch.


def test_nothing_taken() -> None:
    """It has stalled when the deadline of the first look has passed, and not before."""
    watch, transport = StallWatch(), Transport()
    assert not watch.has_stalled(transport, 0.0, 10.0)
    assert not watch.has_stalled(transport, 9.9, 19.9)
    assert watch.has_stalled(transport, 10.0, 20.0)


@pytest.mark.parametrize("change", [-1, 1])
def test_change_in_the_transport(change: int) -> None:
    """What changes in the transport puts the deadline off."""
    watch, transport = StallWatch(), Transport()
    watch.has_stalled(transport, 0.0, 10.0)
    transport.unsent = 5 + change
    assert not watch.has_stalled(transport, 9.0, 19.0)
    assert not watch.has_stalled(transport, 18.9, 28.9)
    assert watch.has_stalled(transport, 19.0, 29.0)


@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_change_in_the_system(family: str) -> None:
    """So does what the client takes from the system, long before the system takes from the transport."""
    server, peer = socket.socketpair() if family == "unix" else tcp_pair()
    with server, peer:
        server.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                server.send(bytes(65536))
        watch, transport = StallWatch(), Transport(socket=server)
        watch.has_stalled(transport, 0.0, 10.0)
        assert not watch.has_stalled(transport, 5.0, 15.0)
        taken = 0
        while not (changed := watch.has_stalled(transport, 9.0, 20.0)) and taken < 50_000_000:
            taken += len(peer.recv(65536))
            if not watch.has_stalled(transport, 11.0, 20.0):
                break
        assert not changed
        assert 0 < taken < 50_000_000


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Connect two sockets over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        return server, peer


def test_socket_that_does_not_tell(tmp_path: Path) -> None:
    """Where the system does not tell, the transport's figure has to do."""
    watch = StallWatch()
    with (tmp_path / "file").open("wb") as no_socket:
        transport = Transport(socket=no_socket)
        assert not watch.has_stalled(transport, 0.0, 10.0)
        assert watch.has_stalled(transport, 10.0, 20.0)
    assert repr(watch) == "<StallWatch (1, 0) until 10>"


# Whole servers.


class Streams:
    """An ASGI application that sends for ever, on HTTP and WebSocket, and tells how that ended."""

    def __init__(self) -> None:
        self.ended: list[BaseException] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            part: dict[str, Any] = {"type": "websocket.send", "bytes": bytes(65536)}
        else:
            await send({"type": "http.response.start", "status": 200})
            part = {"type": "http.response.body", "body": bytes(65536), "more_body": True}
        try:
            while True:
                await send(part)
        except BaseException as error:
            self.ended.append(error)
            raise


@pytest.mark.parametrize("data", [GET, HANDSHAKE])
@on_each_loop
async def test_asgi(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """An application that sends to a client that takes nothing is told that it has left."""
    caplog.set_level(logging.INFO, "hybrid.server")
    app = Streams()
    async with serving(app, lifespan="off", timeout_write=0.2) as (server, _):
        with closing(connected(server, data)):
            await until(lambda: app.ended)
    assert isinstance(app.ended[0], ClientDisconnected)
    assert "takes nothing, and is given up" in caplog.text


@pytest.mark.parametrize("how", ["write", "iterate"])
@on_each_loop
async def test_wsgi(how: str) -> None:
    """So is a worker."""
    ended: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        try:
            while True:
                if how == "write":
                    write(bytes(100_000))
                else:
                    yield bytes(100_000)
        except (GeneratorExit, ClientDisconnected) as error:
            ended.append(type(error).__name__)
            raise

    async with serving(app, timeout_write=0.2) as (server, _):
        with closing(connected(server, GET)):
            await until(lambda: ended)
    assert ended == ["ClientDisconnected" if how == "write" else "GeneratorExit"]


@pytest.mark.parametrize("what", ["file", "one part", "parts"])
@on_each_loop
async def test_response_that_nobody_waits_for(
    what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A response that is only the loop's to send ends too, and with it the connection."""
    path = tmp_path / "file"
    path.write_bytes(bytes(10_000_000))

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        if what == "file":
            wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](path.open("rb"))
            return wrapper
        return [bytes(10_000_000)] if what == "one part" else iter([bytes(5_000_000)] * 2)

    caplog.set_level(logging.INFO, "hybrid.server")
    async with serving(app, timeout_write=0.2) as (server, task):
        with closing(connected(server, GET)):
            await until(lambda: "takes nothing, and is given up" in caplog.text)
            server.should_exit = True
            await task
    waited_for = [message for message in caplog.messages if message.startswith("stopping, after")]
    assert not [message for message in waited_for if "connection" in message], "it was still there"


@on_each_loop
async def test_client_that_reads_slowly() -> None:
    """A client that takes a little now and then is served to the end, however long that takes."""
    size = 6_000_000  # which takes longer than the time-out

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(size))])
        return [bytes(size)]

    def read(sock: socket.socket) -> int:
        received = 0
        while received < size and (part := sock.recv(50_000)):
            received += len(part)
            threading.Event().wait(0.02)  # seconds: it is the pace that matters here
        return received

    async with serving(app, timeout_write=2) as (server, _):
        with closing(connected(server, GET, receive_buffer=100_000)) as sock:
            assert await asyncio.to_thread(read, sock) >= size
