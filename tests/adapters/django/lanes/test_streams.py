"""Streams stay streams on both lanes, also where their iterator is of the other one's kind."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.django_desk import desk
from tests.support.process import DEADLINE, ServerProcess

STREAMS = ["/stream", "/async/stream", "/stream/of-async", "/async/stream/of-sync"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Serve the project."""
    with desk(tmp_path, env={"DESK_FILE": str(tmp_path / "file")}) as server:
        yield server
    assert "Traceback" not in server.stderr
    assert "StreamingHttpResponse must consume" not in server.stderr


@pytest.mark.parametrize("path", STREAMS)
def test_each_part_is_sent_when_it_is_there(server: ServerProcess, tmp_path: Path, path: str) -> None:
    """The next one is made only after the client has the one before: nobody has collected them."""
    gate = tmp_path / "gate"
    gate.mkdir()
    (gate / "0").touch()  # with which the head comes
    url = f"{server.url}{path}"
    with httpx.stream("GET", url, params={"gate": str(gate)}, timeout=DEADLINE) as response:
        parts = response.iter_raw()
        for number in range(3):
            (gate / str(number)).touch()
            assert next(parts) == f"{number}\n".encode()
        assert list(parts) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", [*STREAMS, "/file", "/async/file", "/made-file", "/async/made-file"])
def test_four_downloads_at_once_cost_little_memory(server: ServerProcess, tmp_path: Path, path: str) -> None:
    """Of 60 MB each, to clients that take them in small pieces: of a file, of an object that only reads like
    one, and of streams of each kind.
    """
    size = 60 * 1024 * 1024
    with (tmp_path / "file").open("wb") as file:
        file.truncate(size)
    for warm_up in "/sync", "/async", f"{path}?count=1&size=1":
        with httpx.stream("HEAD", f"{server.url}{warm_up}", timeout=DEADLINE):
            pass
    before = server.peak_memory()
    with ExitStack() as clients:
        query = f"count={size // 65536}&size=65536"
        request = f"GET {path}?{query} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()
        received = dict.fromkeys((clients.enter_context(slow_client(server)) for _ in range(4)), 0)
        for client in received:
            client.sendall(request)
        reading = list(received)
        while reading:
            for client in reading[:]:
                if got := len(client.recv(16384)):
                    received[client] += got
                else:
                    reading.remove(client)
        assert all(each > size for each in received.values()), "the head comes on top"
    assert server.peak_memory() - before < 16 * 1024 * 1024


def slow_client(server: ServerProcess) -> socket.socket:
    """Connect, with little room for what has not been read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    client.settimeout(DEADLINE)
    client.connect(("127.0.0.1", server.port))
    return client


@pytest.mark.parametrize("path", ["/file", "/async/file"])
@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_a_file_arrives_as_it_is(server: ServerProcess, tmp_path: Path, path: str, size: int) -> None:
    """An empty one too; and HEAD has its length."""
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(content[:size])
    response = httpx.get(f"{server.url}{path}", timeout=DEADLINE)
    assert response.content == content[:size]
    assert response.headers["content-length"] == str(size)
    assert httpx.head(f"{server.url}{path}", timeout=DEADLINE).headers["content-length"] == str(size)


@pytest.mark.parametrize("path", ["/async/failing-stream", "/failing-stream"])
def test_a_stream_that_fails_half_way_is_cut_off(tmp_path: Path, path: str) -> None:
    """The client can tell that it is incomplete, on both lanes, and so can the log."""
    with desk(tmp_path) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{server.url}{path}", timeout=DEADLINE)
        server.wait_for_stderr("ZeroDivisionError")
