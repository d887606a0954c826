"""Lets a worker thread write to a socket that the event loop owns, without ever reaching another client's."""

import os
import threading

from hybrid.bridge.errors import ClientDisconnected


class Descriptor:
    """A socket's file descriptor, lent to workers until the loop takes it back.

    The hazard: the loop closes the socket, the kernel gives the number to the next connection, and a worker
    that still has it answers a stranger. So a worker writes under a lock, and the loop takes the number back
    under the same lock before the transport closes it. The lock guards the number's validity and is held for
    one non-blocking system call, which is all that the loop can ever wait for, when a client leaves in the
    middle of a write.
    """

    __slots__ = ("_fd", "_lock")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Descriptor {'revoked' if self._fd < 0 else self._fd}>"

    def write(self, data: bytes) -> int:
        """Write what the socket takes now and return how many bytes that was (worker).

        Raises:
            ClientDisconnected: the client has left.
        """
        with self._lock:
            if self._fd < 0:
                raise ClientDisconnected("the client has left")
            try:
                return os.write(self._fd, data)
            except BlockingIOError:
                return 0
            except OSError as error:
                raise ClientDisconnected("the client has left") from error

    def revoke(self) -> None:
        """Take the descriptor back; no write happens after this returns (loop)."""
        with self._lock:
            self._fd = -1
