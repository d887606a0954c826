"""The tables of handshakes and frames, sent to a real process: what a client of a WebSocket sees."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.conformance.conftest import check_quiet
from tests.conformance.rfc6455 import (
    BYE,
    FRAMES,
    HANDSHAKES,
    LARGEST,
    Fields,
    Frames,
    Handshake,
    Opened,
    Ordinary,
    Refused,
    handshake,
    masked,
    plain,
)
from tests.support.http_peer import get, read_responses
from tests.support.process import ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw

#: Those that are short; what comes after a close frame may find the connection closed.
IN_BYTES = [row for row in FRAMES if len(row.sent) < 300 and row.title != "messages after it"]


def rows(kind: type) -> list[Handshake]:
    """Return the handshakes of which this is expected."""
    return [row for row in HANDSHAKES if isinstance(row.expected, kind)]


@pytest.fixture(scope="module")
def server(folder: Path, loop: str) -> Iterator[ServerProcess]:
    """Serve the application that echoes and counts."""
    options: dict[str, Any] = {"access_log": False, "lifespan": "off", "loop": loop, "ws_max_size": LARGEST}
    with start_server("websocket_report:app", cwd=folder, **options) as process:
        yield process
        check_quiet(process)


def handshakes(server: ServerProcess) -> int:
    """Ask how many handshakes the application has had since the last time."""
    (response,) = read_responses(raw(server.port, get("/handshakes", "Connection: close")), closed=True)
    return int(response.body)


def check_fields(headers: list[tuple[bytes, bytes]], expected: Fields) -> None:
    """Fail unless the fields are there, each once, or not there."""
    for name, value in expected:
        assert [found for key, found in headers if key == name] == ([] if value is None else [value])


class Talk:
    """A client that sends exactly these bytes, and has been granted a WebSocket."""

    def __init__(self, server: ServerProcess, opening: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")
        self.socket.sendall(opening)
        lines = iter(self._file.readline, b"\r\n")
        self.first, self.fields, _ = read_head(b"".join(lines))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def read(self, count: int) -> bytes:
        """Return so many bytes, or all that come before the end."""
        return self._file.read(count)

    def bye(self, payload: bytes = b"\x03\xe8") -> None:
        """Fail unless the server answers our close frame with this, and closes."""
        assert self._file.read() == plain(0x88, payload)


def read_head(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Take a response's head apart: the status line, the fields with names in lower case, and the rest."""
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    fields = [line.partition(b": ") for line in lines]
    return first, [(name.lower(), value) for name, _, value in fields], rest


@pytest.mark.parametrize("row", rows(Opened), ids=str)
def test_opened(server: ServerProcess, row: Handshake) -> None:
    """A right handshake is granted, and what comes right behind it is heard."""
    assert isinstance(row.expected, Opened)
    with Talk(server, row.data + masked(0x81, b"hi")) as talk:
        assert talk.first == b"HTTP/1.1 101 Switching Protocols"
        check_fields(talk.fields, row.expected.fields)
        assert talk.read(4) == plain(0x81, b"hi")
        talk.socket.sendall(BYE)
        talk.bye()


@pytest.mark.parametrize("row", rows(Refused), ids=str)
def test_refused(server: ServerProcess, row: Handshake) -> None:
    """A wrong one is refused with its status, the connection closes, and no application sees it."""
    assert isinstance(row.expected, Refused)
    handshakes(server)
    data = raw(server.port, row.data + get("/handshakes"))
    (response,) = read_responses(data, row.data.split()[0].decode(), closed=True)
    assert response.status == row.expected.status
    check_fields(response.headers, row.expected.fields)
    assert handshakes(server) == 0


@pytest.mark.parametrize("row", rows(Ordinary), ids=str)
def test_ordinary(server: ServerProcess, row: Handshake) -> None:
    """A request that does not ask for it gets no WebSocket (RFC 9110 section 7.8)."""
    data = raw(server.port, row.data + get("/", "Connection: close"), until=b"ordinary request")
    assert read_head(data)[0] == b"HTTP/1.1 200 OK"


def test_origin_and_offer(server: ServerProcess) -> None:
    """The application sees where the client comes from, and the offer, in the client's order (4.2.1 7, 8)."""
    lines = [
        b"Origin: https://elsewhere.example",
        b"Sec-WebSocket-Protocol: b",
        b"Sec-WebSocket-Protocol: a, b",
    ]
    received = raw(
        server.port, handshake(*lines) + masked(0x81, b"scope"), until=b'"subprotocols": ["b", "a"]}'
    )
    told = json.loads(received[received.index(b"{") :])
    assert told["subprotocols"] == ["b", "a"]
    assert ["origin", "https://elsewhere.example"] in told["headers"]


def test_much_behind_a_handshake(server: ServerProcess) -> None:
    """All that a client sends behind its handshake is heard, much more than is read at a time."""
    message, last = masked(0x82, bytes(LARGEST)), plain(0x81, b"last")
    received = raw(server.port, handshake() + 30 * message + masked(0x81, b"last"), until=last)
    assert read_head(received)[2] == 30 * plain(0x82, bytes(LARGEST)) + last


@pytest.mark.parametrize("row", FRAMES, ids=str)
def test_frames(server: ServerProcess, row: Frames) -> None:
    """Frames are answered as they must be; after a failure and a close frame the server closes."""
    with Talk(server, handshake()) as talk:
        talk.socket.sendall(row.sent)
        check_frames(talk, row)


@pytest.mark.parametrize("row", IN_BYTES, ids=str)
def test_frames_byte_by_byte(server: ServerProcess, row: Frames) -> None:
    """So are frames that come one byte at a time."""
    with Talk(server, handshake()) as talk:
        for byte in row.sent:
            talk.socket.sendall(bytes([byte]))
        check_frames(talk, row)


def check_frames(talk: Talk, row: Frames) -> None:
    """Read what must come; the reason in the close frame of a failure may be any, in UTF-8."""
    assert talk.read(len(row.received)) == row.received
    if row.fails:
        rest = talk.read(-1)
        assert (rest[0], rest[1], int.from_bytes(rest[2:4], "big")) == (0x88, len(rest) - 2, row.fails)
        assert rest[4:].decode()
    elif row.closes is not None:
        talk.bye(row.closes)
    else:
        talk.socket.sendall(BYE)
        talk.bye()
