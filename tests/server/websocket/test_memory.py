"""What a WebSocket can make the server hold, in bytes of Python's memory, over real sockets."""

import asyncio
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.websocket.inbox import BACKLOG_BYTES
from tests.conformance.rfc6455 import handshake, masked
from tests.support.embedded import on_each_loop, port_of, serving
from tests.support.sockets import DEADLINE

MIB = 1024 * 1024
#: The most that an event loop reads at a time, and what a connection costs besides.
READ = 256 * 1024
OVERHEAD = 256 * 1024
LARGEST = MIB
#: Bytes that a client sends of what the server takes for ever: many times what it may hold of them.
ENOUGH = 6 * MIB

#: What a client floods with: the frames, how much memory the message in front may take, and how much each
#: byte that is read behind it. A message that becomes complete is there twice for a moment, with room to
#: grow.
FLOODS: dict[str, tuple[bytes, float, float]] = {
    "empty messages": (masked(0x81) * 10_000, 0, 2),
    "tiny messages": (masked(0x82, b"ab") * 10_000, 0, 10),
    "messages of 1 KiB": (masked(0x82, bytes(1024)) * 100, 0, 2),
    "messages of the largest size": (masked(0x82, bytes(LARGEST)), 2.25 * LARGEST, 1),
    "pings": (masked(0x89, b"?" * 125) * 1000, 0, 8),
    "a message that does not end": (masked(0x02) + masked(0x00, bytes(1000)) * 1000, 1.25 * LARGEST, 1),
}


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and receive nothing until the server stops."""
    await receive()
    await send({"type": "websocket.accept"})
    await scope["extensions"]["hybrid.shutdown"].wait()


async def flood(client: socket.socket, data: bytes) -> int:
    """Send again and again until nothing has been taken for a while, or enough; return the most memory that
    was held meanwhile.
    """
    view, silent, taken = memoryview(data), 0, 0
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        while silent < 50 and taken < ENOUGH:
            try:
                while True:
                    sent = client.send(view)
                    view, silent, taken = view[sent:] or memoryview(data), 0, taken + sent
            except BlockingIOError:
                silent += 1
                await asyncio.sleep(0.001)  # the server's turn
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@asynccontextmanager
async def flooding(**settings: Any) -> AsyncIterator[socket.socket]:
    """Serve the deaf application, and connect a client to it that does not wait."""
    loop = asyncio.get_running_loop()
    async with serving(deaf, lifespan="off", **settings) as (server, _):
        with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, handshake())
            await loop.sock_recv(client, 65536)
            yield client


@pytest.mark.parametrize("kind", FLOODS)
@on_each_loop
async def test_flood(kind: str) -> None:
    """Whatever a client sends to an application that does not receive, no more is held than the page says."""
    data, front, each = FLOODS[kind]
    bound = front + each * (BACKLOG_BYTES + READ) + OVERHEAD
    async with flooding(ws_max_size=LARGEST) as client:
        assert 0 < await flood(client, data) < bound


@on_each_loop
async def test_pings_of_a_client_that_does_not_read() -> None:
    """A client that pings and reads nothing is owed one pong, not one for each."""
    data, _, each = FLOODS["pings"]
    async with flooding() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert await flood(client, data) < each * READ + OVERHEAD
