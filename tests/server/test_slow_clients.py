"""WSGI on the direct path, to clients that read slowly or not at all: they cost no thread."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.apps.wsgi_big import pattern
from tests.support.bridges import Bridge, bridge_to
from tests.support.sockets import DEADLINE

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")

NAMES = ("big", "class", "endless", "events", "files")
TARGETS = [f"/{name}=tests.apps.wsgi_{name}" for name in NAMES]
#: Bytes that a process may grow by while it serves a client of any kind.
MEMORY = 16 * 1024 * 1024


@pytest.fixture(params=["asyncio", "uvloop"])
def bridge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bridge]:
    """Serve on one thread; in the end no file may be open that was not open before."""
    with bridge_to("direct", TARGETS, tmp_path, threads=1, loop=request.param) as served:
        assert served.ask("/big?1000000/65536").status == 200
        before = len(deleted_files(served))
        yield served
        poll(served, lambda: len(deleted_files(served)) <= before)


def poll(bridge: Bridge, condition: Callable[[], object]) -> None:
    """Look again and again until a condition holds; the test's own timeout ends this."""
    while not condition():
        assert bridge.server.running


def deleted_files(bridge: Bridge) -> list[int]:
    """Return the bytes on disk of each temporary file that the process has open, by descriptor."""
    sizes = []
    for link in Path(f"/proc/{bridge.server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if "(deleted)" in os.readlink(link):  # noqa: PTH115 - not a path
                sizes.append(link.stat().st_blocks * 512)
    return sizes


def read_body(client: socket.socket, size: int) -> bytes:
    """Read the rest of a response whose body has this size, as far as it is not read yet."""
    received = bytearray()
    while b"\r\n\r\n" not in received:
        received += client.recv(1 << 16)
    body = bytearray(received.partition(b"\r\n\r\n")[2])
    while len(body) < size:
        part = client.recv(1 << 20)
        assert part, f"only {len(body)} of {size} bytes came"
        body += part
    return bytes(body)


def count_body(client: socket.socket, size: int) -> int:
    """Read the rest of such a response, and return how many bytes its body has had."""
    received = bytearray()
    while b"\r\n\r\n" not in received:
        received += client.recv(1 << 16)
    count = len(received.partition(b"\r\n\r\n")[2])
    while count < size and (part := client.recv(1 << 20)):
        count += len(part)
    return count


def is_pattern(body: bytes, size: int) -> bool:
    """Compare, without a report of how millions of bytes differ."""
    return body == pattern(0, size)


@pytest.mark.parametrize("query", ["4194304/65536", "4194304/65536/length", "4194304/4000000/length"])
def test_thread_is_free_before_the_client_has_read(bridge: Bridge, query: str) -> None:
    """A response of 4 MiB in parts waits on disk for a client that does not read; the one thread is free for
    others. It is whole when the client reads in the end, and the connection goes on.
    """
    size = 4 * 1024 * 1024
    with ExitStack() as stack:
        clients = [
            stack.enter_context(closing(bridge.open(f"/big/slow?{query}", receive_buffer=8192)))
            for _ in range(4)
        ]
        bridge.wait_for_event("slow", "complete", len(clients))
        assert bridge.ask("/class").status == 200
        for client in clients[1:]:
            if "length" in query:
                assert is_pattern(read_body(client, size), size)
                client.sendall(b"GET /class HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_endless_response(bridge: Bridge) -> None:
    """An endless one waits for the client in the end, with bounded disk and memory, and goes on when that
    reads: the file is used again.
    """
    before = bridge.peak_memory()
    with closing(bridge.open("/endless/x", receive_buffer=8192)) as client:
        poll(bridge, lambda: deleted_files(bridge))
        received = 0
        while received < 60_000_000:
            received += len(client.recv(1 << 20))
        assert max(deleted_files(bridge), default=0) <= 17 * 1024 * 1024
    assert bridge.wait_for_event("x", "closed") == ["begun", "closed"]
    assert bridge.peak_memory() - before < MEMORY


def test_large_file(bridge: Bridge) -> None:
    """A download of 200 MiB by slow readers holds no thread and no memory."""
    before = bridge.peak_memory()
    size = 200 * 1024 * 1024
    with ExitStack() as stack:
        clients = [
            stack.enter_context(
                closing(bridge.open(f"/files/large?kind=sparse&size={size}", receive_buffer=65536))
            )
            for _ in range(3)
        ]
        bridge.wait_for_event("large", "closed", len(clients))
        assert bridge.ask("/class").status == 200
        for client in clients:
            assert count_body(client, size) == size
    assert bridge.peak_memory() - before < MEMORY


def test_huge_part(bridge: Bridge) -> None:
    """A part of 50 MB is cut; a client that does not read it costs the memory that the application needs."""
    size = 50_000_000
    before = bridge.peak_memory()
    with closing(bridge.open(f"/big/huge?{size}/{size}/length", receive_buffer=65536)) as client:
        assert is_pattern(read_body(client, size), size)
    assert bridge.peak_memory() - before < 3 * size + MEMORY  # to make the pattern takes some, too


def test_clients_that_leave(bridge: Bridge) -> None:
    """Clients that leave at any point of a spooled response, or of a file, leave nothing open."""
    for target in ("/big/x?4194304/65536", "/files/x?kind=plain&size=4194304", "/big/x?40000000/65536"):
        for taken in (0, 1, 1000, 500_000):
            with closing(bridge.open(target, receive_buffer=8192)) as client:
                client.settimeout(DEADLINE)
                received = 0
                while received < taken:
                    received += len(client.recv(taken))
    assert bridge.ask("/class").status == 200
