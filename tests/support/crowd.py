"""Clients that ask for anything and leave whenever they like, for tests of what a server makes of it."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO, NamedTuple

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.apps.wsgi_nonce import expected
from tests.support.sockets import DEADLINE


class Asked(NamedTuple):
    """A request, and what its response must be."""

    data: bytes
    nonce: str
    size: int
    uploaded: int
    fails: bool


class Crowd:
    """Clients that ask for anything, in any number on a connection, and leave whenever they like.

    Each one has random numbers of its own, the same every time.

    Args:
        port: of the server.
        seed: of the random numbers, and part of every nonce.
        mounts: where `wsgi_nonce`, or what answers like it, can be asked.
    """

    def __init__(self, port: int, seed: int, mounts: Sequence[str]) -> None:
        self._port = port
        self._mounts = mounts
        self._chance = random.Random(seed)  # noqa: S311 - the same each time
        self._seed = seed
        self._asked = 0
        self.answered = 0
        self.left = 0

    def run(self, end: float) -> None:
        """Come and go until the clock passes `end`."""
        while time.monotonic() < end:
            with closing(socket.create_connection(("127.0.0.1", self._port), DEADLINE)) as sock:
                self._visit(sock)

    def _visit(self, sock: socket.socket) -> None:
        """Send some requests at once or one by one, read some of the responses, and go in some way."""
        chance = self._chance
        batch: list[Asked] = []
        with sock.makefile("rb") as file:
            try:
                for _ in range(chance.randrange(1, 4)):
                    batch = [self._ask() for _ in range(chance.choice([1, 1, 2, 5]))]
                    sock.sendall(b"".join(asked.data for asked in batch))
                    for asked in batch:
                        if chance.random() < 0.15:
                            file.read1(chance.randrange(1, 50_000))
                            return self._leave(sock)
                        self._check(read_response(file), asked)
                if chance.random() < 0.2:
                    sock.sendall(self._ask().data[: chance.randrange(1, 200)])
                self._leave(sock)
            except ConnectionError:  # a response that is cut off can take those before it along
                assert any(asked.fails for asked in batch)

    def _ask(self) -> Asked:
        chance = self._chance
        self._asked += 1
        nonce = f"{self._seed}-{self._asked}-{chance.getrandbits(64):x}"
        shape = chance.choice(["list", "list", "parts", "length", "write", "file", "fail"])
        size = chance.choice([0, 1, 100, 6999, 20_000, 300_000])
        uploaded = chance.choice([0, 0, 10, 100_000])
        head = f"POST {chance.choice(self._mounts)}/{nonce}/{shape}/{size} HTTP/1.1\r\nHost: x\r\n"
        if chance.random() < 0.5:
            data = f"{head}Content-Length: {uploaded}\r\n\r\n".encode() + b"u" * uploaded
        else:
            chunk = f"{uploaded:x}\r\n{'u' * uploaded}\r\n" if uploaded else ""
            data = f"{head}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n".encode()
        return Asked(data, nonce, size, uploaded, fails=shape == "fail" and size > 7000)

    def _check(self, response: tuple[int, dict[str, str], bytes], asked: Asked) -> None:
        """Compare a response with what it must be."""
        status, fields, body = response
        assert status == 200, (asked, status, fields)
        assert (fields["x-nonce"], fields["x-uploaded"]) == (asked.nonce, str(asked.uploaded))
        assert body == expected(asked.nonce, asked.size), asked
        assert not asked.fails
        self.answered += 1

    def _leave(self, sock: socket.socket) -> None:
        """Go politely, half-way, or with a reset."""
        self.left += 1
        match self._chance.randrange(3):
            case 0:
                reset_at_close(sock)
            case 1:
                with suppress(OSError):  # the server may have gone first
                    sock.shutdown(socket.SHUT_WR)
            case _:
                pass


class Talkers:
    """WebSocket clients that say something, check what comes back, and leave whenever they like."""

    def __init__(self, port: int, seed: int, paths: Sequence[str]) -> None:
        self._port = port
        self._paths = paths
        self._chance = random.Random(seed)  # noqa: S311 - the same each time
        self._seed = seed
        self.echoed = 0
        self.left = 0

    def run(self, end: float) -> None:
        """Come and go until the clock passes `end`."""
        while time.monotonic() < end:
            chance = self._chance
            url = f"ws://127.0.0.1:{self._port}{chance.choice(self._paths)}"
            with connect(url, open_timeout=DEADLINE, close_timeout=DEADLINE, compression=None) as socket_:
                for _ in range(chance.randrange(8)):
                    message = f"{self._seed} {chance.getrandbits(64):x}" * chance.choice([1, 1, 2000])
                    socket_.send(message)
                    if chance.random() < 0.1:
                        break
                    assert socket_.recv(DEADLINE) == message
                    self.echoed += 1
                self.left += 1
                if chance.random() < 0.5:
                    with suppress(OSError, ConnectionClosed):
                        reset_at_close(socket_.socket)
                        socket_.socket.close()


def reset_at_close(sock: socket.socket) -> None:
    """Let a socket be closed with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read_response(file: BinaryIO) -> tuple[int, dict[str, str], bytes]:
    """Read one response: status, header fields and body; raise when it is cut off."""
    status = int(read_line(file).split()[1])
    fields = {}
    while line := read_line(file).strip():
        name, _, value = line.decode("latin-1").partition(": ")
        fields[name] = value
    return status, fields, read_body(file, fields)


def read_body(file: BinaryIO, fields: dict[str, str]) -> bytes:
    """Read a body by its length or in chunks."""
    if "content-length" in fields:
        return read_exactly(file, int(fields["content-length"]))
    parts = []
    while size := int(read_line(file), 16):
        parts.append(read_exactly(file, size))
        read_line(file)
    read_line(file)
    return b"".join(parts)


def read_line(file: BinaryIO) -> bytes:
    """Read a line, which must be there."""
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("cut off")
    return line


def read_exactly(file: BinaryIO, size: int) -> bytes:
    """Read so many bytes, which must be there."""
    data = file.read(size)
    if len(data) < size:
        raise ConnectionError("cut off")
    return data


@contextmanager
def running(
    targets: Iterable[Callable[[], object]], seconds: float = DEADLINE
) -> Iterator[list[BaseException]]:
    """Run functions on threads; give a list of what they raised, complete at the end of the block."""
    errors: list[BaseException] = []

    def run(target: Callable[[], object]) -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    yield errors
    for thread in threads:
        thread.join(seconds)
        assert not thread.is_alive()
