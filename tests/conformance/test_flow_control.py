"""Much data through a real process: clients and applications that do not keep up cost little memory."""

import re
import socket
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from h2.errors import ErrorCodes

from tests.support.http2_clients import Http2Client, ResetByServer
from tests.support.http_peer import get, read_responses, request
from tests.support.http_versions import CONNECTIONS, Version
from tests.support.process import ServerProcess
from tests.support.sockets import DEADLINE
from tests.support.waiting import until

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


def moved(server: ServerProcess, name: str) -> Callable[[], int]:
    """Return a function that tells how much has been moved from now on."""
    before = status(server).get(name, 0)
    return lambda: status(server).get(name, 0) - before


def test_client_that_does_not_read(streams: ServerProcess, version: Version) -> None:
    """An application that streams to a client that does not read has to wait; later everything arrives."""
    before = resident(streams)
    sent = moved(streams, "sent")
    with slow_client(streams) as client:
        exchange = CONNECTIONS[version](client).start("/download")
        until(sent)
        assert settled(sent) < BOUND
        assert resident(streams) - before < BOUND
        body = exchange.read_all()
    assert len(body) == SIZE
    assert body == PART * (SIZE // len(PART))
    assert sent() == SIZE


def test_client_that_asks_and_does_not_read(streams: ServerProcess) -> None:
    """A client that asks for ever more and reads nothing costs no more than one that asks once.

    In HTTP/2 there is a limit of requests under way instead.
    """
    before = resident(streams)
    asked = get("/large") * 200
    calls = moved(streams, "calls")
    with slow_client(streams) as client:
        client.sendall(asked)
        until(calls)
        assert settled(calls) < 20
        assert resident(streams) - before < BOUND
        received = 0
        while received < 200 * len(PART) * 16:
            received += len(client.recv(1 << 20))
    assert calls() == 200


def test_early_response_to_a_client_that_sends_first(streams: ServerProcess) -> None:
    """A client that sends a large body, and only then reads a response that came early, gets all of it."""
    with slow_client(streams) as client:
        client.sendall(request("POST", "/large", f"Content-Length: {SIZE}") + bytes(SIZE))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(answer, "POST", closed=True)
    assert response.body == PART * 16


def test_early_response_in_http2(streams: ServerProcess) -> None:
    """In HTTP/2 it is told to stop when the response is complete, and the connection goes on."""
    with slow_client(streams) as sock:
        client = Http2Client(sock)
        stream = client.start("/large", ("content-length", str(SIZE)), method="POST", ends=False)
        with pytest.raises(ResetByServer) as caught:
            stream.send(bytes(SIZE))
        assert caught.value.code == ErrorCodes.NO_ERROR
        assert stream.response().body == PART * 16
        assert client.ask("/status").status == 200


class Upload(ABC):
    """A body that is sent as far as it goes without waiting.

    Attributes:
        sent: how many bytes of it have been.
    """

    BODY = memoryview(PART * (SIZE // len(PART)))

    def __init__(self) -> None:
        self.sent = 0

    @abstractmethod
    def push(self) -> None:
        """Send what can be sent at once."""

    @abstractmethod
    def finish(self) -> bytes:
        """Send the rest, and return the body of the response."""


class Upload11(Upload):
    """One in HTTP/1.1."""

    def __init__(self, sock: socket.socket, target: str) -> None:
        super().__init__()
        self._sock = sock
        sock.sendall(request("POST", target, f"Content-Length: {SIZE}", "Connection: close"))

    def push(self) -> None:
        """Send what the system takes."""
        self._sock.setblocking(False)
        with suppress(BlockingIOError):
            while self.sent < SIZE:
                self.sent += self._sock.send(self.BODY[self.sent : self.sent + 65536])

    def finish(self) -> bytes:
        """Send the rest, and return the body of the response."""
        self._sock.settimeout(DEADLINE)
        self._sock.sendall(self.BODY[self.sent :])
        answer = b"".join(iter(lambda: self._sock.recv(65536), b""))
        (response,) = read_responses(answer, "POST", closed=True)
        return response.body


class Upload2(Upload):
    """One in HTTP/2."""

    def __init__(self, sock: socket.socket, target: str) -> None:
        super().__init__()
        self._client = Http2Client(sock)
        length = ("content-length", str(SIZE))
        self._stream = self._client.start(target, length, method="POST", ends=False)

    def push(self) -> None:
        """Send what the windows allow."""
        self._client.ping()
        size = min(self._stream.room, SIZE - self.sent)
        self._stream.send(bytes(self.BODY[self.sent : self.sent + size]))
        self.sent += size

    def finish(self) -> bytes:
        """Send the rest, and return the body of the response."""
        self._stream.send(bytes(self.BODY[self.sent :]), ends=True)
        return self._stream.response().body


@pytest.mark.parametrize("kind", [Upload11, Upload2])
def test_application_that_does_not_receive(streams: ServerProcess, kind: type[Upload11 | Upload2]) -> None:
    """A client that uploads to an application that does not receive has to wait; later everything arrives."""
    before = resident(streams)
    uploads, received = moved(streams, "uploads"), moved(streams, "received")
    with slow_client(streams) as sock:
        upload = kind(sock, f"/upload?{kind.__name__}")

        def sent() -> int:
            upload.push()
            status(streams)
            return upload.sent

        assert settled(sent) < BOUND
        assert uploads() == 1
        assert resident(streams) - before < BOUND
        status(streams, kind.__name__)
        answer = upload.finish()
    assert int(answer) == zlib.crc32(Upload.BODY)
    assert received() == SIZE
    assert resident(streams) - before < BOUND
