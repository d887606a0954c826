"""WebSockets over HTTP/1.1 and HTTP/2 alike, for tests of coroutines: what is expected of one holds for both.

`websockets` is the client in HTTP/1.1. The one in HTTP/2 works on a thread while the test waits for it.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar, TypeVarTuple

from websockets.asyncio.client import ClientConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.protocol import Protocol, State
from websockets.typing import Origin, Subprotocol

from hybrid.server.server import Server
from tests.conformance.rfc6455 import handshake
from tests.support.embedded import Client, client, port_of
from tests.support.http2_clients import ConnectionOver, Http2Client, ResetByServer, Stream
from tests.support.http2_websockets import Refused, WebSocketStream, open_websocket, start_websocket
from tests.support.http_versions import Version
from tests.support.sockets import DEADLINE
from tests.support.websocket_clients import opening

#: A path that has all that a scope tells apart.
TARGET = "/a%20b?c=d"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def _elsewhere(function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Call on a thread what waits, as the server needs the loop."""
    return await asyncio.to_thread(function, *arguments)


class Connection2:
    """An open WebSocket over HTTP/2, with what tests use of those of `websockets`.

    Attributes:
        response: the answer to the handshake.
        subprotocol: that it names.
    """

    def __init__(self, sock: socket.socket, websocket: WebSocketStream) -> None:
        self._sock = sock
        self._websocket = websocket
        head = websocket.stream.wait_for_head()
        self.response = Response(head.status, "", _headers(head.headers))
        self.subprotocol = self.response.headers.get("sec-websocket-protocol")

    @property
    def protocol(self) -> Protocol:
        """The state of the WebSocket."""
        return self._websocket.protocol

    async def recv(self) -> str | bytes:
        """Return the next message."""
        try:
            return await _elsewhere(self._websocket.recv)
        except (EOFError, ResetByServer, ConnectionOver):
            raise ConnectionClosed(self.protocol.close_rcvd, None) from None

    async def send(self, message: str | bytes) -> None:
        """Send a message."""
        await _elsewhere(self._websocket.send, message)

    async def check(self) -> None:
        """Wait for the answer to a ping."""
        await _elsewhere(self._websocket.ping)

    def vanish(self) -> None:
        """Break the connection."""
        self._sock.close()

    async def close(self) -> None:
        """Close, if that has not been done, and wait for the end."""
        with suppress(ResetByServer, ConnectionOver, OSError):
            if self.protocol.state is State.OPEN:
                await _elsewhere(self._websocket.close)


Connection = ClientConnection | Connection2


async def check(connection: Connection) -> None:
    """Wait for the answer to a ping."""
    if isinstance(connection, Connection2):
        await connection.check()
    else:
        await (await connection.ping())


def vanish(connection: Connection) -> None:
    """Break a connection."""
    if isinstance(connection, Connection2):
        connection.vanish()
    else:
        connection.transport.abort()


@asynccontextmanager
async def connecting(
    server: Server,
    version: Version,
    *,
    subprotocols: Sequence[str] = (),
    origin: str | None = None,
) -> AsyncGenerator[Connection]:
    """Open a WebSocket; it is closed at the end.

    Raises:
        InvalidStatus: the handshake was refused.
    """
    if version == "1.1":
        offered = [Subprotocol(each) for each in subprotocols] or None
        from_page = Origin(origin) if origin else None
        async with opening(
            port_of(server), TARGET, close_timeout=5, subprotocols=offered, origin=from_page
        ) as connection:
            yield connection
        return
    fields = [("origin", origin)] if origin else []

    def connect() -> Connection2:
        try:
            websocket = open_websocket(Http2Client(sock), TARGET, *fields, subprotocols=subprotocols)
        except Refused as error:
            answer = error.response
            raise InvalidStatus(Response(answer.status, "", _headers(answer.headers), answer.body)) from None
        return Connection2(sock, websocket)

    with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as sock:
        opened = await _elsewhere(connect)
        yield opened
        await opened.close()


def _headers(fields: Sequence[tuple[bytes, bytes]]) -> Headers:
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])


class Peer(ABC):
    """A client that has asked for a WebSocket, and sends bytes of its own choice on it."""

    @abstractmethod
    async def opened(self) -> None:
        """Wait until the handshake is answered with yes."""

    @abstractmethod
    async def send(self, data: bytes) -> None:
        """Send bytes."""

    @abstractmethod
    async def send_eof(self) -> None:
        """End the client's direction."""

    @abstractmethod
    async def read_until(self, mark: bytes) -> bytes:
        """Return what comes up to a mark."""

    @abstractmethod
    async def read_all(self) -> bytes:
        """Return what comes before the end."""


class Peer11(Peer):
    """One in HTTP/1.1."""

    def __init__(self, client: Client) -> None:
        self._client = client
        client.send(handshake())

    async def opened(self) -> None:
        """Wait for the head."""
        assert (await self._client.read_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self._client.send(data)

    async def send_eof(self) -> None:
        """Close the client's direction."""
        self._client.send_eof()

    async def read_until(self, mark: bytes) -> bytes:
        """Return what comes up to a mark."""
        return await self._client.read_until(mark)

    async def read_all(self) -> bytes:
        """Return what comes before the end."""
        return await self._client.read_all()


class Peer2(Peer):
    """One in HTTP/2."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def opened(self) -> None:
        """Wait for the head."""
        assert (await _elsewhere(self._stream.wait_for_head)).status == 200

    async def send(self, data: bytes) -> None:
        """Send bytes, if the server still wants any."""
        with suppress(ResetByServer):
            await _elsewhere(self._stream.send, data)

    async def send_eof(self) -> None:
        """End the client's direction of the stream."""
        await _elsewhere(self._stream.end)

    async def read_until(self, mark: bytes) -> bytes:
        """Return what comes up to a mark."""
        return await _elsewhere(self._stream.read_until, mark)

    async def read_all(self) -> bytes:
        """Return what comes before the end, or the reset, of the stream."""
        received = b""
        with suppress(ResetByServer):
            while part := await _elsewhere(self._stream.read):
                received += part
        return received


@asynccontextmanager
async def asking(server: Server, version: Version) -> AsyncGenerator[Peer]:
    """Ask for a WebSocket, and break the connection at the end."""
    if version == "1.1":
        async with client(server) as connection:
            yield Peer11(connection)
    else:
        with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as sock:
            yield Peer2(await _elsewhere(lambda: start_websocket(Http2Client(sock), TARGET)))
