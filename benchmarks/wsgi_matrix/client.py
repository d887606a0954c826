"""A client that sends exactly the bytes it is given, and never waits longer than a deadline."""

import socket
import struct
import time
from collections.abc import Iterable
from typing import Self

from benchmarks.wsgi_matrix.reply import Reply, parse

#: Seconds after which something that has not happened counts as something that does not happen.
DEADLINE = 6.0


class Client:
    """One connection; a context manager that closes it.

    Args:
        port: of 127.0.0.1.
        receive_buffer: bytes that the system may hold for a client that does not read; 0 for its default.
    """

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(DEADLINE)
        try:
            self._socket.connect(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self._closed = False
        self._received = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Send bytes; False when the server would not take them."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def upload(self, head: bytes, parts: Iterable[bytes]) -> None:
        """Send a request whose body does not fit in memory, as far as the server takes it."""
        if self.send(head):
            for part in parts:
                if not self.send(part):
                    return

    def read_reply(self, method: str = "GET") -> Reply:
        """Receive until the response is whole, the server closes, or the deadline comes."""
        end = time.monotonic() + DEADLINE
        reply = parse(bytes(self._received), method, closed=self._closed)
        while not (reply.over or self._closed) and self._receive(end):
            reply = parse(bytes(self._received), method, closed=self._closed)
        return reply

    def read_next_reply(self, reply: Reply) -> Reply:
        """Receive the response after one that is whole; what came too much for that counts as this one."""
        self._received = bytearray(reply.rest)
        return self.read_reply()

    def read_so_far(self) -> Reply:
        """Make what there is of what has come."""
        return parse(bytes(self._received), "GET", closed=self._closed)

    def read_until(self, wanted: bytes) -> bool:
        """Receive until certain bytes have come; False if they do not."""
        end = time.monotonic() + DEADLINE
        while wanted not in self._received and not self._closed and not self.read_so_far().over:
            if not self._receive(end):
                break
        return wanted in self._received

    def count_body(self) -> int:
        """Receive a body that may be too large to keep, to the end of its Content-Length or of the
        connection; return how many bytes of it came.
        """
        end = time.monotonic() + 5 * DEADLINE
        reply = self.read_so_far()
        length = int((reply.values("content-length") or ["0"])[0])
        count = len(reply.body)
        while count < length and not self._closed:
            self._received.clear()
            if not self._receive(end):
                break
            count += len(self._received)
        return count

    def leave(self) -> None:
        """Break the connection at once, with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
        self._closed = True

    def _receive(self, end: float) -> bool:
        """Receive a part, or learn that there is none; False when the deadline has come."""
        left = end - time.monotonic()
        if left <= 0:
            return False
        self._socket.settimeout(left)
        try:
            part = self._socket.recv(1 << 16)
        except TimeoutError:
            return False
        except OSError:
            part = b""
        self._received += part
        self._closed = not part
        return True
