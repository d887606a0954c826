"""Deadlines that pass while something holds the event loop: what clients have sent meanwhile counts."""

import asyncio
import socket
import time
from typing import Any

from tests.support.embedded import DEADLINE, on_each_loop, port_of, serving
from tests.support.ticks import FAST, Ticks

#: Seconds that a client is waited for, and for which the loop is held: longer than any deadline.
PATIENCE = 0.2
HELD = PATIENCE + 20 * FAST
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer without looking at the request."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def answer(client: socket.socket) -> bytes:
    """Return what comes up to the end of the body, or of the connection (worker)."""
    received = b""
    while not received.endswith(b"hello"):
        if not (data := client.recv(65536)):
            break
        received += data
    return received


@on_each_loop
async def test_request(ticks: Ticks) -> None:
    """A request that comes while the loop is held is answered, though its connection should have been closed
    since.
    """
    async with serving(hello, timeout_keep_alive=PATIENCE) as (server, _):
        with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as client:
            client.sendall(REQUEST)
            assert (await asyncio.to_thread(answer, client)).endswith(b"hello")
            client.sendall(REQUEST)
            time.sleep(HELD)  # noqa: ASYNC251 - that holds the loop
            assert (await asyncio.to_thread(answer, client)).endswith(b"hello")


@on_each_loop
async def test_rest_of_a_head(ticks: Ticks) -> None:
    """So is one of which the rest comes then."""
    async with serving(hello, timeout_headers=PATIENCE) as (server, _):
        with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as client:
            client.sendall(REQUEST[:-2])
            await ticks.passed(2)
            client.sendall(REQUEST[-2:])
            time.sleep(HELD)  # noqa: ASYNC251 - that holds the loop
            assert (await asyncio.to_thread(answer, client)).startswith(b"HTTP/1.1 200")
