"""Much data through a real process: clients and applications that do not keep up cost little memory."""

import re
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.http_peer import get, read_responses, request
from tests.support.process import ServerProcess
from tests.support.sockets import DEADLINE

SIZE = 50 * 1024 * 1024
PART = bytes(range(256)) * 256
#: What may be under way in kernel buffers on both sides, in the server, and in the part being sent.
BOUND = 20 * 1024 * 1024
#: Answers to other requests after which a side that has not moved is taken to be waiting.
TURNS = 20


def status(server: ServerProcess, query: str = "") -> dict[str, int]:
    """Ask how much has been moved."""
    found: dict[str, int] = httpx.get(f"{server.url}/status?{query}", timeout=DEADLINE).json()
    return found


def wait_for(server: ServerProcess, name: str) -> None:
    """Wait until something has been moved."""
    while not status(server).get(name):
        pass  # the test's own timeout ends this


def settled(progress: Callable[[], int]) -> int:
    """Return a figure when it has not changed for some turns of the server's loop."""
    figure, turns = progress(), 0
    while turns < TURNS:
        latest = progress()
        turns = turns + 1 if latest == figure else 0
        figure = latest
    return figure


def resident(server: ServerProcess) -> int:
    """Return the memory of a server in bytes."""
    path = Path(f"/proc/{server.pid}/status")
    if not path.exists():
        pytest.skip("the memory of a process is read from /proc")
    found = re.search(r"VmRSS:\s+(\d+) kB", path.read_text())
    assert found
    return int(found[1]) * 1024


def slow_client(server: ServerProcess) -> socket.socket:
    """Connect a client whose own buffers are small."""
    client = socket.socket()
    client.settimeout(DEADLINE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    client.connect(("127.0.0.1", server.port))
    return client


def test_client_that_does_not_read(streams: ServerProcess) -> None:
    """An application that streams to a client that does not read has to wait; later everything arrives."""
    before = resident(streams)
    with slow_client(streams) as client:
        client.sendall(get("/download", "Connection: close"))
        wait_for(streams, "sent")
        assert settled(lambda: status(streams)["sent"]) < BOUND
        assert resident(streams) - before < BOUND
        data = bytearray()
        while part := client.recv(1 << 20):
            data += part
    _, _, body = bytes(data).partition(b"\r\n\r\n")
    assert len(body) == SIZE
    assert body == PART * (SIZE // len(PART))
    assert status(streams)["sent"] == SIZE


def test_client_that_asks_and_does_not_read(streams: ServerProcess) -> None:
    """A client that asks for ever more and reads nothing costs no more than one that asks once."""
    before = resident(streams)
    asked = get("/large") * 200
    with slow_client(streams) as client:
        client.sendall(asked)
        wait_for(streams, "calls")
        assert settled(lambda: status(streams)["calls"]) < 20
        assert resident(streams) - before < BOUND
        received = 0
        while received < 200 * len(PART) * 16:
            received += len(client.recv(1 << 20))
    assert status(streams)["calls"] == 200


def test_early_response_to_a_client_that_sends_first(streams: ServerProcess) -> None:
    """A client that sends a large body, and only then reads a response that came early, gets all of it."""
    with slow_client(streams) as client:
        client.sendall(request("POST", "/large", f"Content-Length: {SIZE}") + bytes(SIZE))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(answer, "POST", closed=True)
    assert response.body == PART * 16


def test_application_that_does_not_receive(streams: ServerProcess) -> None:
    """A client that uploads to an application that does not receive has to wait; later everything arrives."""
    before = resident(streams)
    body = memoryview(PART * (SIZE // len(PART)))
    sent = 0
    with slow_client(streams) as client:
        client.sendall(request("POST", "/upload", f"Content-Length: {SIZE}", "Connection: close"))
        client.setblocking(False)

        def send_more() -> int:
            nonlocal sent
            try:
                while sent < SIZE:
                    sent += client.send(body[sent : sent + 65536])
            except BlockingIOError:
                pass
            status(streams)
            return sent

        assert settled(send_more) < BOUND
        assert status(streams)["uploads"] == 1
        assert resident(streams) - before < BOUND
        status(streams, "open")
        client.settimeout(DEADLINE)
        client.sendall(body[sent:])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.endswith(b"\r\n\r\n%d" % zlib.crc32(body))
    assert status(streams)["received"] == SIZE
    assert resident(streams) - before < BOUND
