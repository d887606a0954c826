"""The load of large bodies on one connection: for memory that a server takes, and for what bytes cost.

The client throws away what it receives, as cheaply as the system can, so that it limits the server as little
as possible. In the small transfer of the warm-up every byte is compared; in the others they are counted.
"""

import math
import socket
import sys
import time

from benchmarks.apps.stream_wsgi import CHUNK
from benchmarks.cpu import family
from benchmarks.loads.clients import AnswerError
from benchmarks.loads.outcome import Outcome, Reading, failed
from benchmarks.loads.plan import PATIENCE, Download, Plan, Upload
from benchmarks.memory import PeakMemory

BUFFER = 1 << 20
WARM_UP = 1 << 20  # bytes
TICK = 0.005  # seconds between two looks of a slow reader
# Linux counts what is received with this flag, and does not copy it (tcp(7)); others mean something else.
DISCARD = socket.MSG_TRUNC if sys.platform == "linux" else 0


class TransferClient:
    """One connection with one request after the other; `OSError` and `AnswerError` when one goes wrong."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._buffer = memoryview(bytearray(BUFFER))

    def close(self) -> None:
        """Drop the connection."""
        self._socket.close()

    def download(self, size: int, pace: float = 0.0, paced: float = 0.0) -> None:
        """Get `size` bytes, at `pace` bytes a second for the first `paced` seconds, and count them."""
        left = size - len(self._get(size))
        start = time.monotonic()
        while left > 0:
            taken = size - left
            due = pace * (time.monotonic() - start) if taken < pace * paced else size
            if due > taken:
                left -= self._discard(min(left, math.ceil(due - taken)))
            if due < size:
                time.sleep(TICK)

    def fetch(self, size: int) -> bytes:
        """Get `size` bytes and return them."""
        body = bytearray(self._get(size))
        while len(body) < size:
            body += self._receive()
        return bytes(body)

    def upload(self, size: int) -> None:
        """Post a body of `size` bytes, and check that the answer says so."""
        self._socket.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size)
        chunk, left = memoryview(CHUNK * (BUFFER // len(CHUNK))), size
        while left > 0:
            part = chunk[:left]
            self._socket.sendall(part)
            left -= len(part)
        length, body = self._read_head()
        while len(body) < length:
            body += self._receive()
        if body != b"%d" % size:
            raise AnswerError(f"unexpected answer to {size} bytes: {body[:300]!r}")

    def _get(self, size: int) -> bytes:
        """Ask, and return the part of the body that came with the head."""
        self._socket.sendall(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % size)
        length, body = self._read_head()
        if length != size or len(body) > size:
            raise AnswerError(f"{length} bytes announced instead of {size}")
        return body

    def _read_head(self) -> tuple[int, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive(4096)
        return read_head(data)

    def _receive(self, size: int = BUFFER) -> bytes:
        data = self._socket.recv(size)
        if not data:
            raise AnswerError("connection closed by the server")
        return data

    def _discard(self, size: int) -> int:
        received = self._socket.recv_into(self._buffer, min(size, BUFFER), DISCARD)
        if not received:
            raise AnswerError("connection closed by the server")
        return received


def read_head(data: bytes) -> tuple[int, bytes]:
    """Return the Content-Length of a response with status 200, and what came of its body."""
    head, _, body = data.partition(b"\r\n\r\n")
    status_line, *lines = head.split(b"\r\n")
    fields = (line.partition(b":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    length = headers.get(b"content-length", b"")
    if not status_line.startswith(b"HTTP/1.1 200 ") or not length.isdigit():
        raise AnswerError(f"unexpected answer: {head[:300]!r}")
    return int(length), body


def measure(plan: Plan, load: Download | Upload) -> Outcome:
    """Transfer as planned, after something small; errors are in the outcome."""
    try:
        client = TransferClient(plan.port)
        try:
            return _measure(client, plan, load)
        finally:
            client.close()
    except (AnswerError, OSError) as error:
        return failed(str(error))


def _measure(client: TransferClient, plan: Plan, load: Download | Upload) -> Outcome:
    _warm_up(client, load)
    pids = family(plan.pid)
    memory = PeakMemory(pids)
    start, transfers = Reading.take(0, pids), 0
    deadline = time.monotonic() + plan.seconds
    while not transfers or time.monotonic() < deadline:
        transfers += 1
        if isinstance(load, Upload):
            client.upload(load.size)
            continue
        client.download(load.size, load.pace, plan.seconds)
        if load.pace:
            break
    end = Reading.take(transfers, pids)
    figures = {"bytes": transfers * load.size, "memory growth MiB": memory.growth() / 2**20}
    return start.until(end, [], figures)


def _warm_up(client: TransferClient, load: Download | Upload) -> None:
    if isinstance(load, Upload):
        client.upload(WARM_UP)
    elif client.fetch(WARM_UP) != CHUNK * (WARM_UP // len(CHUNK)):
        raise AnswerError("the bytes that came are not those of the application")
