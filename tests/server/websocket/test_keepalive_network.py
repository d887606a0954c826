"""Pings over real sockets: clients that answer stay, and those that have vanished unheard are found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hybrid.bridge.types import Message, Receive, Scope, Send
from hybrid.server.connection import Connection
from hybrid.server.ops.access_record import AccessRecord, WebSocketRecord
from hybrid.server.server import Server
from tests.support.embedded import on_each_way, port_of, serving, until
from tests.support.ticks import FAST, Ticks
from tests.support.websocket_clients import end_of, opening

PINGS = {"ws_ping_interval": 2 * FAST, "ws_ping_timeout": 5 * FAST}
PATIENT = {"ws_ping_interval": 2 * FAST, "ws_ping_timeout": 60}


class Quiet:
    """An application that accepts and receives."""

    def __init__(self) -> None:
        self.received: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket."""
        await send({"type": "websocket.accept"})
        while not self.received or self.received[-1]["type"] != "websocket.disconnect":
            self.received.append(await receive())


class Way:
    """The way between a client and a server, on which everything can be lost without a word."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.lossy = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        there = asyncio.create_task(self._carry(reader, there_writer))
        back = asyncio.create_task(self._carry(there_reader, writer))
        try:
            await asyncio.gather(there, back)
        finally:
            writer.close()
            there_writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction; once it is lossy, take everything and tell nobody of the end either."""
        while data := await reader.read(65536):
            if not self.lossy:
                writer.write(data)
        if not self.lossy:
            writer.close()


@asynccontextmanager
async def way_to(server: Server) -> AsyncIterator[tuple[Way, int]]:
    """Open a way to a server, and give the port where it begins."""
    way = Way(port_of(server))
    entrance = await asyncio.start_server(way, "127.0.0.1", 0)
    try:
        yield way, entrance.sockets[0].getsockname()[1]
    finally:
        entrance.close()


@pytest.mark.parametrize("access_log", [False, True], ids=["unlogged", "logged"])
@on_each_way
async def test_half_open(ticks: Ticks, access_log: bool) -> None:
    """A client that vanished without a word is found, its application told, and its connection freed."""
    application = Quiet()
    settings = {"access_log": access_log, "timeout_keep_alive": 0.5, "lifespan": "off", **PINGS}
    async with serving(application, **settings) as (server, _):
        async with way_to(server) as (way, port):
            websocket = await opening(port, close_timeout=1)
            await until(lambda: ticks.context.connections)
            way.lossy = True
            await until(lambda: not ticks.context.connections)
            await until(lambda: not ticks.context.calls)
            websocket.transport.abort()
        reason = "keepalive ping timeout"
        assert application.received[-1] == {"type": "websocket.disconnect", "code": 1011, "reason": reason}
        assert server.limits_hit == {"ws_ping_timeout": 1}


@on_each_way
async def test_deaf_client(ticks: Ticks) -> None:
    """A client that is there and does not answer is told why it is closed."""
    application = Quiet()
    async with serving(application, lifespan="off", **PINGS) as (server, _):
        websocket = await opening(port_of(server), close_timeout=1)
        websocket.transport.pause_reading()
        await until(lambda: len(application.received) == 2)
        websocket.transport.resume_reading()
        assert await end_of(websocket) == (1011, "keepalive ping timeout")


@on_each_way
async def test_living_client(ticks: Ticks) -> None:
    """A client that answers stays, idle as it is, and the log has how long its answers took."""
    records: list[AccessRecord] = []
    async with serving(Quiet(), access_logger=records.append, lifespan="off", **PATIENT) as (server, _):
        async with opening(port_of(server), close_timeout=1) as websocket:
            await ticks.passed(20)
            await websocket.send("still here")
        await until(lambda: len(records) == 2)
        closing = records[1]
        assert isinstance(closing, WebSocketRecord)
        assert closing.close_code == 1000
        assert closing.rtt is not None
        assert closing.rtt_min is not None
        assert 0 < closing.rtt_min <= closing.rtt


@on_each_way
async def test_application_that_does_not_receive(ticks: Ticks) -> None:
    """Nobody is given up whose application takes nothing; its client's pings are answered as long as its
    messages have room.
    """
    go = asyncio.Event()
    received: list[str] = []

    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await go.wait()
        while (message := await receive())["type"] == "websocket.receive":
            received.append(message["text"])

    # Long enough for a busy machine to read what has come before it looks whether anything has.
    settings = {"ws_max_queue": 2, "lifespan": "off", **PINGS, "ws_ping_timeout": 50 * FAST}
    async with (
        serving(busy, **settings) as (server, _),
        opening(port_of(server), close_timeout=1) as websocket,
    ):
        for number in range(2):
            await websocket.send(str(number))
            assert await (await websocket.ping()) >= 0  # though the queue is full the second time
        await websocket.send("2")
        (carrier,) = ticks.context.connections
        (connection,) = carrier.lasting
        assert isinstance(connection, Connection)
        await until(lambda: not connection.reading)
        late = asyncio.ensure_future(await websocket.ping())
        await ticks.passed(75)
        assert not late.done()
        go.set()
        await late
        await websocket.send("3")
        await until(lambda: received == ["0", "1", "2", "3"])
