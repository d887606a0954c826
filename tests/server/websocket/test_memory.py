"""What a WebSocket can make the server hold, in bytes of Python's memory, over real sockets."""

import asyncio
import socket
import tracemalloc
from collections.abc import Callable

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

#: What a client floods with: the frames, and how many bytes of memory a byte of them may take.
FLOODS: dict[str, tuple[bytes, float]] = {
    "empty messages": (masked(0x81) * 10_000, 2),
    "tiny messages": (masked(0x82, b"ab") * 10_000, 10),
    "messages of 1 KiB": (masked(0x82, bytes(1024)) * 100, 2),
    "messages of the largest size": (masked(0x82, bytes(LARGEST)), 1),
    "pings": (masked(0x89, b"?" * 125) * 1000, 1),
    "a message that does not end": (masked(0x02) + masked(0x00, bytes(1000)) * 1000, 1),
}


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and receive nothing until the server stops."""
    await receive()
    await send({"type": "websocket.accept"})
    await scope["extensions"]["hybrid.shutdown"].wait()


async def flood(client: socket.socket, data: bytes, enough: Callable[[], bool]) -> None:
    """Send again and again, until nothing has been taken for a while or there is enough."""
    view, silent = memoryview(data), 0
    while silent < 50 and not enough():
        try:
            sent = client.send(view)
        except BlockingIOError:
            silent += 1
            await asyncio.sleep(0.002)
            continue
        except ConnectionError:  # refused, as what is too big is
            return
        silent = 0
        view = view[sent:] or memoryview(data)
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", FLOODS)
@on_each_loop
async def test_flood(kind: str) -> None:
    """Whatever a client sends to an application that does not receive, no more is held than the page says."""
    data, factor = FLOODS[kind]
    bound = LARGEST + factor * (BACKLOG_BYTES + READ) + OVERHEAD
    peak = 0
    async with serving(deaf, ws_max_size=LARGEST) as (server, _):
        with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as client:
            client.sendall(handshake())
            client.setblocking(False)
            await asyncio.get_running_loop().sock_recv(client, 65536)
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                sent = 0

                def enough() -> bool:
                    nonlocal sent, peak
                    sent += 1
                    peak = max(peak, tracemalloc.get_traced_memory()[0] - before)
                    return sent > 60

                await flood(client, data, enough)
            finally:
                tracemalloc.stop()
    assert 0 < peak < bound


@on_each_loop
async def test_pings_of_a_client_that_does_not_read() -> None:
    """A client that pings and reads nothing is owed one pong, not one for each."""
    async with serving(deaf) as (server, _):
        with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(handshake())
            client.setblocking(False)
            pings = FLOODS["pings"][0]
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                sent = 0

                def enough() -> bool:
                    nonlocal sent
                    sent += 1
                    return sent > 60

                await flood(client, pings, enough)
                held = tracemalloc.get_traced_memory()[0] - before
            finally:
                tracemalloc.stop()
    assert held < READ + OVERHEAD
