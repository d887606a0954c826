"""A connection and its transport: flow control, the change of protocols, and the end."""

import asyncio
import logging
import socket
from typing import Any

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server import connection as module
from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from tests.support.http_peer import on_loop, settle
from tests.support.transports import FakeTransport


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Do nothing."""


class Spy(Handler):
    """A protocol that keeps what it is told."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.heard: list[object] = []

    def data_received(self, data: bytes) -> None:
        """Keep the bytes."""
        self.heard.append(data)

    def disconnected(self) -> None:
        """Keep that it is over."""
        self.heard.append("disconnected")

    def tick(self, now: float) -> None:
        """Keep the time."""
        self.heard.append(now)

    def drain(self) -> None:
        """Keep that the server stops."""
        self.heard.append("drain")


def connect(**extra: Any) -> tuple[Connection, FakeTransport, Spy]:
    """Open a connection whose protocol is a spy."""
    context = ServerContext(Config(app=nothing), nothing, asyncio.get_running_loop())
    connection = Connection(context)
    spy = Spy(connection)
    transport = FakeTransport(**extra)
    transport.connect(spy)
    return connection, transport, spy


@pytest.mark.parametrize(
    ("peername", "client"),
    [
        (("192.0.2.1", 5), ("192.0.2.1", 5)),
        (("2001:db8::1", 5, 0, 0), ("2001:db8::1", 5)),
        ("", None),
        (b"", None),
        (None, None),
    ],
)
@on_loop
async def test_client(peername: object, client: object) -> None:
    """The peer is an address and a port; one on a Unix socket has none."""
    connection, _, _ = connect(peername=peername)
    assert connection.client == client


@pytest.mark.parametrize(
    ("sockname", "server"),
    [
        (("192.0.2.1", 5), ("192.0.2.1", 5)),
        (("::1", 5, 0, 0), ("::1", 5)),
        ("/run/app.sock", ("/run/app.sock", None)),
        (b"\0abstract", ("\0abstract", None)),
        (None, None),
    ],
)
@on_loop
async def test_server(sockname: object, server: object) -> None:
    """The server is an address and a port, or the path of a Unix socket."""
    connection, _, _ = connect(sockname=sockname)
    assert connection.server == server


@on_loop
async def test_scheme() -> None:
    """TLS makes it https."""
    connection, _, _ = connect()
    assert connection.scheme == "http"
    connection, _, _ = connect(sslcontext=object())
    assert connection.scheme == "https"


@on_loop
async def test_open_connections_are_known() -> None:
    """The server knows its connections as long as they live."""
    connection, transport, spy = connect()
    assert connection.context.connections == {connection}
    transport.lose()
    assert not connection.context.connections
    assert connection.closed
    assert spy.heard == ["disconnected"]


@on_loop
async def test_what_the_server_says_reaches_the_protocol() -> None:
    """Ticks and drains are passed on to whatever is spoken at the time."""
    connection, _, first = connect()
    second = Spy(connection)
    connection.tick(1.0)
    connection.switch(second)
    connection.tick(2.0)
    connection.drain()
    assert first.heard == [1.0]
    assert second.heard == [2.0, "drain"]


@on_loop
async def test_descriptor() -> None:
    """The system may write to a socket directly, but not past TLS."""
    with socket.socket() as sock:
        connection, _, _ = connect(socket=sock)
        assert connection.descriptor == sock.fileno()
        connection, _, _ = connect(socket=sock, sslcontext=object())
        assert connection.descriptor is None
    connection, _, _ = connect()
    assert connection.descriptor is None


@on_loop
async def test_on_writable() -> None:
    """Who has asked to is called when the client has read enough."""
    connection, _, spy = connect()
    called: list[str] = []
    connection.on_writable = lambda: called.append(f"writable: {connection.writable}")
    spy.pause_writing()
    spy.pause_writing()
    spy.resume_writing()
    assert called == ["writable: True"]


@on_loop
async def test_client_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given up when the time to write is over; its protocol has nothing more to say to that."""
    caplog.set_level(logging.INFO, "hybrid.server")
    connection, transport, spy = connect(peername=("192.0.2.1", 5))
    start = connection.context.now
    monkeypatch.setattr(transport, "get_write_buffer_size", lambda: 1000)
    states = []
    for seconds in (0, 60, 61):
        connection.tick(start + seconds)
        states.append(transport.aborted)
    assert states == [False, False, True]
    assert spy.heard == [start, start + 60]
    assert "192.0.2.1:5: takes nothing, and is given up" in caplog.text


@on_loop
async def test_client_that_had_taken_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time in which nothing waited for the client does not count."""
    connection, transport, _ = connect()
    start = connection.context.now
    for unsent in (1000, 0, 1000):
        monkeypatch.setattr(transport, "get_write_buffer_size", lambda unsent=unsent: unsent)
        connection.tick(start + 40)
        connection.context.now += 40
    connection.tick(start + 100)
    assert not transport.aborted


@on_loop
async def test_client_that_may_take_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a time-out it may be as slow as it likes."""
    connection, transport, _ = connect()
    connection.context.config.timeout_write = 0
    monkeypatch.setattr(transport, "get_write_buffer_size", lambda: 1000)
    for hour in range(10):
        connection.tick(connection.context.now + 3600 * hour)
    assert not transport.aborted


@on_loop
async def test_switch_takes_what_has_come_along() -> None:
    """A new protocol starts with the bytes that the old one had no use for."""
    connection, transport, first = connect()
    second = Spy(connection)
    connection.pause_reading()
    connection.switch(second, b"early")
    assert transport.is_reading()
    transport.receive(b"late")
    assert second.heard == [b"early", b"late"]
    assert first.heard == []


@on_loop
async def test_pausing_twice_is_pausing_once() -> None:
    """Reading is paused and resumed as often as anybody likes, and not at all when it is over."""
    connection, transport, _ = connect()
    for _ in range(2):
        connection.pause_reading()
    assert not transport.is_reading()
    for _ in range(2):
        connection.resume_reading()
    assert transport.is_reading()
    transport.lose()
    connection.pause_reading()
    assert transport.is_reading()


@on_loop
async def test_nothing_is_written_to_a_connection_that_is_gone() -> None:
    """Writing to nobody is no error; whoever must know waits for the connection to be writable."""
    connection, transport, _ = connect()
    connection.write(b"")
    connection.write(b"a")
    transport.lose()
    connection.write(b"b")
    assert transport.take() == b"a"
    with pytest.raises(ClientDisconnected):
        await connection.wait_writable()


@on_loop
async def test_all_who_wait_for_a_slow_client_go_on() -> None:
    """Any number of tasks may wait until the client has read enough."""
    connection, _, spy = connect()
    spy.pause_writing()
    waiting = [asyncio.ensure_future(connection.wait_writable()) for _ in range(3)]
    await settle()
    assert not any(task.done() for task in waiting)
    waiting[0].cancel()
    await settle()
    spy.resume_writing()
    await asyncio.gather(*waiting[1:])


@on_loop
async def test_abort_is_for_what_is_open() -> None:
    """Aborting what is gone does nothing."""
    connection, transport, _ = connect()
    transport.lose()
    connection.abort()
    assert not transport.aborted


# The silence before a close (RFC 9112 section 9.6).


@on_loop
async def test_lingering_reads_for_a_while() -> None:
    """After the last response what comes is dropped, until the client closes too."""
    connection, transport, spy = connect()
    connection.close_after_response()
    assert transport.eof_written
    transport.receive(b"rest")
    assert spy.heard == []
    assert not transport.closing
    transport.receive_eof()
    assert transport.closing


async def pass_second(connection: Connection) -> None:
    """Let the server think that a second has passed."""
    connection.context.now += 1.0
    connection.tick(connection.context.now)
    await settle()


@on_loop
async def test_lingering_ends_when_the_client_is_silent() -> None:
    """A client that sends nothing any more has got the response, or will get it from the kernel."""
    connection, transport, _ = connect()
    connection.close_after_response()
    await pass_second(connection)
    transport.receive(b"rest")
    await pass_second(connection)
    await pass_second(connection)
    assert not transport.closing
    await pass_second(connection)
    assert transport.closing


@on_loop
async def test_lingering_has_an_end() -> None:
    """A client that goes on and on is cut off."""
    connection, transport, _ = connect()
    connection.close_after_response()
    for _ in range(30):
        transport.receive(bytes(1024 * 1024))
        await pass_second(connection)
    assert not transport.closing
    transport.receive(b"more")
    await pass_second(connection)
    assert transport.aborted


@on_loop
async def test_lingering_waits_for_a_slow_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that reads its response, however slowly, is not cut off, whatever it sends meanwhile."""
    connection, transport, _ = connect()
    monkeypatch.setattr(transport, "get_write_buffer_size", lambda: 1000)
    connection.close_after_response()
    for _ in range(60):
        transport.receive(b"more")
        await pass_second(connection)
    assert not transport.closing
    monkeypatch.setattr(transport, "get_write_buffer_size", lambda: 0)
    await pass_second(connection)
    assert transport.aborted


@on_loop
async def test_lingering_ends_when_the_server_stops() -> None:
    """A server that cuts off what is left waits for no one who has been answered."""
    connection, transport, _ = connect()
    connection.close_after_response()
    connection.drain()
    assert transport.closing


@pytest.mark.parametrize(("last", "rest"), [(module._LAST_SILENCE, b""), (module._LAST_SECONDS, b"more")])
@on_loop
async def test_lingering_is_short_when_the_server_stops(last: float, rest: bytes) -> None:
    """A client that still sends can read the response first, though it is given less time."""
    connection, transport, _ = connect()
    connection.close_after_response()
    context = connection.context
    context.patient = context.draining = True
    started = context.loop.time()
    connection.drain()
    if rest:
        transport.receive(rest)
    connection.tick(started)
    assert not transport.closing
    connection.tick(started + last + 1)
    assert transport.closing or transport.aborted


@on_loop
async def test_lingering_after_the_end() -> None:
    """Nothing lingers on a connection that is closed already."""
    connection, transport, _ = connect()
    connection.close()
    connection.close_after_response()
    assert not transport.eof_written


@on_loop
async def test_transports_that_cannot_be_half_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS has no half-closed connections: they are closed."""
    connection, transport, _ = connect()
    monkeypatch.setattr(transport, "can_write_eof", lambda: False)
    connection.close_after_response()
    assert transport.closing


@on_loop
async def test_repr() -> None:
    """What a debugger shows says who, how, and in which protocol."""
    connection, transport, spy = connect(peername=("192.0.2.1", 5))
    assert "('192.0.2.1', 5) open" in repr(connection)
    spy.pause_writing()
    assert "client reads slowly" in repr(connection)
    connection.close_after_response()
    assert "<Lingering>" in repr(connection)
    transport.lose()
    assert "closed" in repr(connection)
