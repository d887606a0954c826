"""WebSockets over real sockets, on each event loop, with the client of `websockets` and with raw bytes; and
once more as streams of HTTP/2, through a relay.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.http2 import Http2
from hybrid.server.http11 import Http11
from hybrid.server.prior_knowledge import FirstBytes
from tests.support.embedded import relayed, run_on, until
from tests.support.http2_relay import relaying
from tests.support.websocket_clients import handshake_bytes

#: Seconds after which a test that has not ended has failed.
DEADLINE = 30.0

HANDSHAKE = handshake_bytes()

RunTest = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


@pytest.fixture(params=["asyncio", "uvloop", "uvloop-http2"])
def on_loop(request: pytest.FixtureRequest) -> RunTest:
    """Run a coroutine function on an event loop of each kind, within the deadline."""

    def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        run_on(request.param, test(), DEADLINE)

    return run


@asynccontextmanager
async def serving(
    application: ASGIApp, connections: list[Connection] | None = None, **settings: Any
) -> AsyncIterator[int]:
    """Serve an application on a port of the system's choice, and yield the port; list the connections."""
    loop = asyncio.get_running_loop()
    context = ServerContext(Config(app=application, access_log=False, **settings), application, loop)

    def accept() -> Handler:
        connection = Connection(context)
        if connections is not None:
            connections.append(connection)
        return FirstBytes(connection, Http2, Http11)

    server = await loop.create_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        if relayed():
            async with relaying(port) as entrance:
                yield entrance
        else:
            yield port
    finally:
        server.close()
        for connection in tuple(context.connections):
            connection.abort()
        await until(lambda: not context.connections and not context.calls)


def client(port: int, **options: Any) -> connect:
    """Connect as `websockets` does, but not through a proxy."""
    return connect(f"ws://127.0.0.1:{port}/", proxy=None, max_size=None, open_timeout=DEADLINE, **options)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send every message back."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


class TestEcho:
    """Messages of every kind and size come back."""

    @pytest.mark.parametrize("compression", [None, "deflate"])
    def test_messages(self, on_loop: RunTest, compression: str | None) -> None:
        """Text and binary of every size come back, also for a client that would like to compress."""

        async def test() -> None:
            async with serving(echo) as port, client(port, compression=compression) as websocket:
                for size in (0, 1, 125, 126, 65535, 65536, 1 << 20):
                    for message in ("é" * (size // 2), b"\xff" * size):
                        await websocket.send(message)
                        assert await websocket.recv() == message

        on_loop(test)

    def test_fragments(self, on_loop: RunTest) -> None:
        """A message in fragments comes back as one."""

        async def test() -> None:
            async with serving(echo) as port, client(port) as websocket:
                await websocket.send(["one", "two", "three"])
                assert await websocket.recv() == "onetwothree"

        on_loop(test)

    def test_many_clients(self, on_loop: RunTest) -> None:
        """Twenty clients at once each get their own messages, in order."""

        async def talk(port: int, name: int) -> None:
            async with client(port) as websocket:
                sent = [f"{name}: {number}" for number in range(50)]
                for message in sent:
                    await websocket.send(message)
                assert [await websocket.recv() for _ in sent] == sent

        async def test() -> None:
            async with serving(echo) as port:
                await asyncio.gather(*(talk(port, name) for name in range(20)))

        on_loop(test)

    def test_ping(self, on_loop: RunTest) -> None:
        """A ping is answered while the application does nothing."""

        async def idle(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            await receive()
            await receive()

        async def test() -> None:
            async with serving(idle) as port, client(port) as websocket:
                assert await (await websocket.ping()) >= 0

        on_loop(test)

    def test_frames_right_behind_the_handshake(self, on_loop: RunTest) -> None:
        """A client that does not wait for the answer is heard all the same."""

        async def test() -> None:
            async with serving(echo) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HANDSHAKE + Frame(Opcode.TEXT, b"early").serialize(mask=True))
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
                assert await reader.readexactly(7) == b"\x81\x05early"
                writer.close()
                await writer.wait_closed()

        on_loop(test)


class TestHandshake:
    """How a connection is opened, or not."""

    def test_subprotocol(self, on_loop: RunTest) -> None:
        """The subprotocol that the application chose is spoken."""

        async def choosing(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][1]})

        async def test() -> None:
            offer = [Subprotocol("a"), Subprotocol("b")]
            async with serving(choosing) as port, client(port, subprotocols=offer) as websocket:
                assert websocket.subprotocol == "b"

        on_loop(test)

    def test_refused(self, on_loop: RunTest) -> None:
        """A refusal reaches the client with its status, and the connection ends."""

        async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.close"})

        async def test() -> None:
            async with serving(refusing) as port:
                with pytest.raises(InvalidStatus) as caught:
                    await client(port)
                assert caught.value.response.status_code == 403

        on_loop(test)

    def test_denied(self, on_loop: RunTest) -> None:
        """A response of the application's own reaches the client whole."""

        async def denying(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.http.response.start", "status": 402, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b"pay ", "more_body": True})
            await send({"type": "websocket.http.response.body", "body": b"first"})

        async def test() -> None:
            async with serving(denying) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HANDSHAKE)
                response = await reader.read()
                assert response.startswith(b"HTTP/1.1 402 Payment Required\r\n")
                assert response.endswith(b"\r\n\r\n4\r\npay \r\n5\r\nfirst\r\n0\r\n\r\n")
                writer.close()
                await writer.wait_closed()

        on_loop(test)


class TestClosing:
    """Both sides learn how a connection ended."""

    def test_client_closes(self, on_loop: RunTest) -> None:
        """The application receives the client's code and reason."""
        received: list[Message] = []

        async def listening(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            received.append(await receive())

        async def test() -> None:
            async with serving(listening) as port:
                async with client(port) as websocket:
                    await websocket.close(4001, "enough")
                await until(lambda: bool(received))

        on_loop(test)
        assert received == [{"type": "websocket.disconnect", "code": 4001, "reason": "enough"}]

    def test_server_closes(self, on_loop: RunTest) -> None:
        """The client receives the application's code and reason."""

        async def closing(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "last words"})
            await send({"type": "websocket.close", "code": 4002, "reason": "enough"})

        async def test() -> None:
            async with serving(closing) as port, client(port) as websocket:
                assert await websocket.recv() == "last words"
                with pytest.raises(ConnectionClosed) as caught:
                    await websocket.recv()
                assert caught.value.rcvd is not None
                assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4002, "enough")

        on_loop(test)

    def test_client_vanishes(self, on_loop: RunTest) -> None:
        """A connection that is cut is 1006 to the application."""
        received: list[Message] = []

        async def listening(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            received.append(await receive())

        async def test() -> None:
            async with serving(listening) as port:
                websocket = await client(port)
                websocket.transport.abort()
                await until(lambda: bool(received))

        on_loop(test)
        assert received == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]

    @pytest.mark.parametrize(("size", "code"), [(1000, 1000), (1001, 1009)])
    def test_too_large(self, on_loop: RunTest, size: int, code: int) -> None:
        """A message over the limit ends the connection with 1009, and the client can read that it did."""

        async def once(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await receive()

        async def test() -> None:
            async with serving(once, ws_max_size=1000) as port, client(port) as websocket:
                await websocket.send(bytes(size))
                await websocket.wait_closed()
                assert websocket.close_code == code

        on_loop(test)

    def test_failure_reaches_a_client_that_is_still_sending(self, on_loop: RunTest) -> None:
        """The close frame of a failed connection is not overtaken by a reset, though more bytes come."""

        async def test() -> None:
            async with serving(echo, ws_max_size=1000) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HANDSHAKE)
                await reader.readuntil(b"\r\n\r\n")
                writer.write(Frame(Opcode.BINARY, bytes(200_000)).serialize(mask=True))
                assert (await reader.read())[2:4] == (1009).to_bytes(2, "big")
                writer.close()
                await writer.wait_closed()

        on_loop(test)


class TestFlowControl:
    """Neither a slow client nor a slow application makes the server remember without bound."""

    def test_slow_client(self, on_loop: RunTest) -> None:
        """send() stops the application while the client does not read, and fails when the client leaves."""
        sent = 0
        ended: list[BaseException] = []

        async def flooding(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal sent
            await send({"type": "websocket.accept"})
            try:
                while True:
                    await send({"type": "websocket.send", "bytes": bytes(100_000)})
                    sent += 1
            except ClientDisconnected as error:
                ended.append(error)

        async def test() -> None:
            connections: list[Connection] = []
            async with serving(flooding, connections) as port:
                _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
                writer.write(HANDSHAKE)
                await until(lambda: any(not e.writable for c in connections for e in c.lasting))
                assert sent * 100_000 < 50_000_000
                writer.transport.abort()
                await until(lambda: bool(ended))
                assert isinstance(ended[0], OSError)

        on_loop(test)

    def test_slow_application(self, on_loop: RunTest) -> None:
        """A client that sends faster than the application receives is stopped, and loses nothing."""
        total = 2000
        go = asyncio.Event()
        received: list[int] = []

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await go.wait()
            while (message := await receive())["type"] == "websocket.receive":
                received.append(int.from_bytes(message["bytes"][:4], "big"))

        async def test() -> None:
            sent = 0

            async def flood(websocket: ClientConnection) -> None:
                nonlocal sent
                for number in range(total):
                    await websocket.send(number.to_bytes(4, "big") + bytes(20_000))
                    sent += 1

            connections: list[Connection] = []
            async with serving(slow, connections) as port, client(port, compression=None) as websocket:
                flooding = asyncio.ensure_future(flood(websocket))
                await until(lambda: any(not e.reading for c in connections for e in c.lasting))
                assert sent < total
                go.set()
                await flooding
                await until(lambda: len(received) == total)

        on_loop(test)
        assert received == list(range(total))
