"""Many clients of a group behind a real server, one of which does not read."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.support.process import APPS, DEADLINE, ServerProcess, start_server
from tests.support.websocket_clients import handshake_bytes

COUNT = 60
SIZE = 20
#: Bytes of a small message on the wire.
FRAME = SIZE + 2
#: More than a loopback connection holds.
FLOOD = (12, 1_000_000)


@pytest.fixture(params=["close", "drop_newest", "drop_oldest"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Serve the board; the end must be without complaints."""
    options: dict[str, Any] = {"access_log": False, "timeout_headers": 60}  # a thousand clients take a while
    with start_server("board:app", cwd=APPS, env={"OVERFLOW": request.param}, **options) as server:
        server.policy = request.param  # type: ignore[attr-defined]
        yield server
    for complaint in ("never retrieved", "Exception in", "Task was destroyed", "Traceback"):
        assert complaint not in server.stderr


def ask(server: ServerProcess, path: str) -> dict[str, Any]:
    """Have something sent, or ask how things are."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as connection:
        connection.request("GET", path)
        facts: dict[str, Any] = json.loads(connection.getresponse().read())
        return facts


def slow_client(server: ServerProcess) -> socket.socket:
    """Connect one that is flooded, with little room, and that has read no more than the handshake."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(DEADLINE)
    client.connect(("127.0.0.1", server.port))
    client.sendall(handshake_bytes("/flooded"))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert b" 101 " in head
    return client


async def watch(port: int, ready: asyncio.Semaphore) -> bytes:
    """Connect, read so many messages, and return what came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(handshake_bytes("/board"))
        await reader.readuntil(b"\r\n\r\n")
        ready.release()
        return await reader.readexactly(COUNT * FRAME)
    finally:
        writer.transport.abort()


async def watch_all(server: ServerProcess, clients: int) -> list[bytes]:
    """Let many watch the board while messages are put on it."""
    ready = asyncio.Semaphore(0)
    async with asyncio.timeout(4 * DEADLINE), asyncio.TaskGroup() as group:
        tasks = [group.create_task(watch(server.port, ready)) for _ in range(clients)]
        for _ in range(clients):
            await ready.acquire()
        await asyncio.to_thread(ask, server, f"/board/{COUNT}/{SIZE}")
    return [task.result() for task in tasks]


def frames(client: socket.socket, count: int) -> Iterator[bytes]:
    """Read so many frames of the server's, or up to its close frame, which comes with its first byte."""
    with client.makefile("rb") as file:
        for _ in range(count):
            head = file.read(2)
            size = head[1]
            if size > 125:
                size = int.from_bytes(file.read(2 if size == 126 else 8))
            payload = file.read(size)
            if head[0] == 0x88:
                yield head[:1] + payload
                return
            yield payload


def test_one_of_many_stops_reading(server: ServerProcess) -> None:
    """The others get everything, in order, while it has read nothing; it loses what the policy says, and that
    is counted, or it is closed with 1013.
    """
    policy: str = server.policy  # type: ignore[attr-defined]
    clients = 1000 if policy == "close" else 20
    expected = b"".join(bytes([0x81, SIZE]) + f"{number:0{SIZE}}".encode() for number in range(COUNT))
    with closing(slow_client(server)) as slow:
        ask(server, f"/flood/{FLOOD[0]}/{FLOOD[1]}")
        received = asyncio.run(watch_all(server, clients))
        assert set(received) == {expected}
        assert len(received) == clients
        losses = ask(server, "/facts")["losses"]
        sent = FLOOD[0] + COUNT
        read = list(frames(slow, sent if policy == "close" else sent - losses["full"]))
    if policy == "close":
        assert read[-1] == b"\x88\x03\xf5"
        assert 0 < losses["full"] < COUNT  # what came in the same burst
        server.wait_for_stderr("websocket /flooded: closed with 1013, as its channel was full")
        return
    assert 0 < losses["full"] < COUNT
    numbers = [int(payload) for payload in read if len(payload) == SIZE]
    lost = losses["full"]
    if policy == "drop_newest":
        assert numbers == list(range(COUNT - lost))
    else:
        assert numbers == list(range(COUNT - len(numbers), COUNT))
    server.wait_for_stderr("InMemoryChannelLayer: messages lost: ")
