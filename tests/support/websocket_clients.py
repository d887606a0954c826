"""WebSocket clients: `websockets`, and sockets that break off."""

import socket
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol

import httpx
import pytest
from websockets.asyncio.client import connect as async_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import Protocol as WebSocketProtocol
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.support.http_peer import get
from tests.support.process import DEADLINE, ServerProcess

#: The fields of a handshake.
HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


class Listening(Protocol):
    """What is connected to."""

    @property
    def port(self) -> int:
        """Its TCP port, of 127.0.0.1."""
        ...


@contextmanager
def opened(server: Listening, path: str, **options: Any) -> Iterator[ClientConnection]:
    """Open a WebSocket; it is closed at the end."""
    options = {"proxy": None, "max_size": None, "open_timeout": DEADLINE, **options}
    with connect(f"ws://127.0.0.1:{server.port}{path}", **options) as websocket:
        yield websocket


def opened_by_page(
    server: ServerProcess, path: str, client: httpx.Client, origin: str = ""
) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket with the cookies of a client, as a browser does for a page of the server's own, or
    of another origin.
    """
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return opened(server, path, origin=Origin(origin or server.url), additional_headers={"Cookie": cookies})


def status_of(opening: AbstractContextManager[ClientConnection]) -> int:
    """Return the status with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as caught, opening:
        pass
    return caught.value.response.status_code


def close_of(websocket: ClientConnection) -> tuple[int, str] | None:
    """Wait for the end, and return code and reason of the server's close frame; None without one."""
    with pytest.raises(ConnectionClosed) as caught:
        websocket.recv(timeout=DEADLINE)
    return (caught.value.rcvd.code, caught.value.rcvd.reason) if caught.value.rcvd else None


def opening(port: int, path: str = "/", **options: Any) -> async_connect:
    """Connect to a port of this machine; the client pings nobody, and offers no compression."""
    options = {
        "proxy": None, "ping_interval": None, "compression": None, "open_timeout": DEADLINE, **options
    }  # fmt: skip
    return async_connect(f"ws://127.0.0.1:{port}{path}", **options)


class Ending(Protocol):
    """What :func:`end_of` needs of a WebSocket."""

    async def recv(self) -> Any:
        """Return the next message."""

    @property
    def protocol(self) -> WebSocketProtocol:
        """The state of the WebSocket."""
        ...


async def end_of(websocket: Ending) -> tuple[int, str]:
    """Read to the end, and return code and reason of the server's close frame; 1006 where there was none."""
    with suppress(ConnectionClosed):
        while True:
            await websocket.recv()
    received = websocket.protocol.close_rcvd
    return (received.code, received.reason) if received else (1006, "")


def reset(client: socket.socket) -> None:
    """Close with a reset, without a word."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def handshake_bytes(path: str = "/") -> bytes:
    """Write a handshake, for clients that send bytes."""
    return get(path, *HANDSHAKE)


def handshake(server: Listening, path: str) -> socket.socket:
    """Ask for a WebSocket and return the connection, unread; the caller closes it."""
    client = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
    client.sendall(handshake_bytes(path))
    return client
