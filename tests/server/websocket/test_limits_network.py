"""Limits on WebSockets, with real clients: what they are told, what the application sees, what is counted.

Each is there for an ASGI application, with and without an access log, and for a WSGI one that has taken the
WebSocket as a socket.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.server import Server
from tests.apps.wsgi_flask_sock import app as flask_app
from tests.support.embedded import client, on_each_way, port_of, serving, until
from tests.support.websocket_clients import end_of, handshake_bytes, opening

HANDSHAKE = handshake_bytes("/echo")

LOGS = pytest.mark.parametrize("access_log", [False, True], ids=["unlogged", "logged"])
BOTH = pytest.mark.parametrize("kind", ["asgi", "wsgi"])


class Echo:
    """An application that sends messages back, and keeps how its WebSockets ended."""

    def __init__(self) -> None:
        self.calls = 0
        self.received: list[object] = []
        self.ends: list[tuple[int, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every message back."""
        if scope["type"] != "websocket":
            raise NotImplementedError
        self.calls += 1
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            self.received.append(message)
            with suppress(OSError):  # a client that is closed for more than this hears nothing of this
                await send({**message, "type": "websocket.send"})
        self.ends.append((message["code"], message["reason"]))


def application(kind: str) -> Any:
    """Return an application of a kind that has an echo at `/echo`."""
    return Echo() if kind == "asgi" else flask_app


def connecting(server: Server, path: str = "/echo", **options: Any) -> connect:
    """Connect to an echo."""
    return opening(port_of(server), path, max_queue=None, **options)


@asynccontextmanager
async def several(server: Server, count: int) -> AsyncIterator[list[ClientConnection]]:
    """Have so many WebSockets, each of which works."""
    async with AsyncExitStack() as stack:
        yield [await _working(stack, server) for _ in range(count)]


async def _working(stack: AsyncExitStack, server: Server) -> ClientConnection:
    websocket = await stack.enter_async_context(connecting(server))
    await websocket.send("there?")
    assert await websocket.recv() == "there?"
    return websocket


async def flood(count: int, send: Callable[[], Awaitable[object]]) -> None:
    """Send something so often, or until the server has closed the WebSocket."""
    with suppress(ConnectionClosed):
        for _ in range(count):
            await send()


@BOTH
@pytest.mark.parametrize(
    ("limit", "end"),
    [
        ("ws_limit_connections", (1013, "too many WebSockets, try again later")),
        ("ws_limit_per_client", (1008, "too many WebSockets of this client")),
        ("ws_limit_per_route", (1008, "too many WebSockets of this application")),
    ],
)
@on_each_way
async def test_caps(kind: str, limit: str, end: tuple[int, str]) -> None:
    """One more than allowed is closed at once, and the application does not hear of it; when one has left,
    there is room.
    """
    settings: dict[str, Any] = {limit: 2}
    async with serving(application(kind), **settings) as (server, _):
        async with several(server, 2) as (first, _second):
            async with connecting(server) as refused:
                assert await end_of(refused) == end
            assert server.limits_hit == {limit: 1}
            await first.close()
            async with several(server, 1):
                pass
        async with several(server, 2):
            pass


@on_each_way
async def test_routes_count_apart() -> None:
    """Each application behind a gateway has a limit of its own."""
    targets = ["/a=tests.apps.websocket_echo:app", "/b=tests.apps.wsgi_flask_sock:app"]
    async with serving(targets, ws_limit_per_route=1) as (server, _), AsyncExitStack() as stack:
        for path in ("/a", "/b/echo"):
            await stack.enter_async_context(connecting(server, path))
            for _ in range(2):
                assert await end_of(await connecting(server, path)) == (
                    1008,
                    "too many WebSockets of this application",
                )
    assert server.limits_hit == {"ws_limit_per_route": 4}


@LOGS
@on_each_way
async def test_caps_and_the_log(access_log: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged why, and with an access log its opening and its end are; no application call was made."""
    caplog.set_level(logging.INFO)
    app = Echo()
    settings = {"ws_limit_connections": 1, "access_log": access_log}
    async with (
        serving(app, **settings) as (server, _),
        several(server, 1),
        connecting(server, subprotocols=[Subprotocol("chat")]) as refused,
    ):
        assert refused.subprotocol == "chat"  # without which a browser would fail the handshake
        assert (await end_of(refused))[0] == 1013
    assert app.calls == 1
    lines = [record.getMessage() for record in caplog.records]
    assert "websocket /echo: closed, ws_limit_connections: too many WebSockets, try again later" in lines
    assert any('"WebSocket /echo" closed 1013 ' in line for line in lines) is access_log


@on_each_way
async def test_refused_handshakes_do_not_count() -> None:
    """A handshake that the application refuses leaves no trace."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})

    async with serving(refuse, ws_limit_per_client=1) as (server, _):
        for _ in range(3):
            with pytest.raises(InvalidStatus):
                await connecting(server)
    assert not server.limits_hit


@LOGS
@on_each_way
async def test_messages(access_log: bool) -> None:
    """A client that sends too many messages is closed with 1008, and the application is told."""
    app = Echo()
    settings = {"ws_limit_messages": 20, "ws_limit_burst": 0, "access_log": access_log}
    async with serving(app, **settings) as (server, _), connecting(server) as websocket:
        await flood(1000, lambda: websocket.send("x"))
        end = (1008, "more than 20 messages a second")
        assert await end_of(websocket) == end
        await until(lambda: app.ends)
    assert app.ends == [end]
    assert server.limits_hit == {"ws_limit_messages": 1}


@on_each_way
async def test_messages_before_the_limit() -> None:
    """What a client may send arrives, though it came together with what it may not."""
    frame = b"\x81\x81\0\0\0\0x"
    app = Echo()
    settings = {"ws_limit_messages": 3, "ws_limit_burst": 0}
    async with serving(app, **settings) as (server, _), client(server) as connection:
        connection.send(HANDSHAKE + frame * 1000)
        await connection.read_until(b"\x03\xf0more than 3 messages a second")
        await until(lambda: len(app.received) == 3)


@on_each_way
async def test_pings_count() -> None:
    """A flood of pings is one of messages."""
    async with serving(Echo(), ws_limit_messages=20) as (server, _), connecting(server) as websocket:
        await flood(1000, websocket.ping)
        assert (await end_of(websocket))[0] == 1008


@BOTH
@on_each_way
async def test_bytes(kind: str) -> None:
    """A client that sends too many bytes is closed with 1008; one that does not goes on."""
    settings = {"ws_limit_bytes": 20_000, "ws_limit_burst": 5}
    async with serving(application(kind), **settings) as (server, _):
        websocket = await connecting(server)
        for _ in range(3):
            await websocket.send(b"x" * 10_000)
            assert await websocket.recv() == b"x" * 10_000
        await flood(1, lambda: websocket.send(b"x" * 10_000_000))
        assert await end_of(websocket) == (1008, "more than 20000 bytes a second")
    assert server.limits_hit == {"ws_limit_bytes": 1}


@pytest.mark.usefixtures("ticks")
@BOTH
@pytest.mark.parametrize(
    ("setting", "seconds", "end"),
    [
        ("ws_idle_timeout", 0.1, (1001, "no message for 0.1 seconds")),
        ("ws_max_age", 0.1, (1001, "open for long enough, connect again")),
    ],
)
@on_each_way
async def test_time(kind: str, setting: str, seconds: float, end: tuple[int, str]) -> None:
    """A WebSocket on which nothing is said, or that is old, is closed with 1001, and the application told."""
    app = application(kind)
    settings: dict[str, Any] = {setting: seconds}
    async with serving(app, **settings) as (server, _), connecting(server) as websocket:
        assert await end_of(websocket) == end  # says nothing before: a busy machine might be late with it
        if isinstance(app, Echo):
            await until(lambda: app.ends)
            assert app.ends == [end]
    assert server.limits_hit == {setting: 1}
