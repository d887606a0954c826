"""Large bodies on several connections at once, read no faster than planned: for memory that a server takes.

The client throws away what it receives, as cheaply as the system can, and counts it.
"""

import math
import socket
import time

from benchmarks.cpu import family
from benchmarks.loads.clients import OK, AnswerError
from benchmarks.loads.outcome import Outcome, Reading, failed
from benchmarks.loads.plan import PATIENCE, Downloads, Plan
from benchmarks.loads.transfer import BUFFER, DISCARD, TICK, WARM_UP
from benchmarks.memory import PeakMemory


class SlowReader:
    """One connection with one request; `OSError` and `AnswerError` when it goes wrong.

    Attributes:
        received: bytes, the head among them.
        done: whether the server has ended the connection.
    """

    def __init__(self, port: int, path: str, size: int) -> None:
        self.received = 0
        self.done = False
        self._size = size
        self._buffer = memoryview(bytearray(BUFFER))
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        request = f"GET {path}?size={size} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        self._socket.sendall(request.encode())

    def close(self) -> None:
        """Drop the connection."""
        self._socket.close()

    def read(self, due: float) -> None:
        """Receive until there are at least `due` bytes, or the body has ended."""
        if not self.received:
            self._read_status()
        while not self.done and self.received < due:
            room = min(BUFFER, math.ceil(min(due, self._size + BUFFER) - self.received))
            got = self._socket.recv_into(self._buffer, max(1, room), DISCARD)
            self.received += got
            self.done = not got
        if self.done and self.received < self._size:
            raise AnswerError(f"{self.received} bytes came instead of {self._size}")

    def _read_status(self) -> None:
        start = b""
        while len(start) < len(OK):
            data = self._socket.recv(len(OK) - len(start))
            if not data:
                raise AnswerError("connection closed by the server")
            start += data
        if start != OK:
            raise AnswerError(f"unexpected answer: {start!r}")
        self.received = len(start)


def measure(plan: Plan, load: Downloads) -> Outcome:
    """Download as planned, after something small; errors are in the outcome."""
    readers: list[SlowReader] = []
    try:
        readers.append(SlowReader(plan.port, load.path, WARM_UP))
        readers[0].read(math.inf)
        return _measure(plan, load, readers)
    except (AnswerError, OSError) as error:
        return failed(str(error))
    finally:
        for reader in readers:
            reader.close()


def _measure(plan: Plan, load: Downloads, readers: list[SlowReader]) -> Outcome:
    pids = family(plan.pid)
    memory = PeakMemory(pids)
    before = Reading.take(0, pids)
    new = [SlowReader(plan.port, load.path, load.size) for _ in range(load.connections)]
    readers += new
    start = time.monotonic()
    while not all(reader.done for reader in new):
        due = load.pace * (time.monotonic() - start)
        for reader in new:
            reader.read(due)
        time.sleep(TICK)
    after = Reading.take(len(new), pids)
    figures = {"bytes": float(len(new) * load.size), "memory growth MiB": memory.growth() / 2**20}
    return before.until(after, [], figures)
