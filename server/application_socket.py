"""The socket that an application on a thread reads and writes in a client's place."""

import errno
import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Self


class ApplicationSocket(socket.socket):
    """An application's end of a tunnel: an ordinary blocking socket, for any number of its threads.

    - What one call sends stays together, whichever threads send at the same time: on this kind of socket the
      kernel would mix them, and so break the frames of a thread that answers a ping while another one sends.
    - Closed by one thread while others are in :meth:`send`, :meth:`sendall`, :meth:`recv` or
      :meth:`recv_into`, it keeps its descriptor until they have left. Between their looking it up and the
      system call it could have become another client's.
    - Closed at the latest when nobody has it any more. The server does not close it, since it cannot know
      what the application's threads are about to do.
    """

    def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        super().__init__(family, kind, proto, fileno)
        self._sending = threading.Lock()  # guards the order of what is sent
        self._guard = threading.Lock()  # guards the two below, and the descriptor against being closed early
        self._inside = 0  # threads that use the descriptor
        self._closing = False

    @classmethod
    def of(cls, plain: socket.socket) -> Self:
        """Make one of a plain socket, which gives its descriptor away."""
        return cls(fileno=plain.detach())

    def __del__(self) -> None:
        super().close()

    def close(self) -> None:
        """Close, or let the last thread that uses the descriptor do it."""
        with self._guard:
            self._closing = True
            if not self._inside:
                super().close()

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send all of it, unless the application has set a timeout, and return how much was sent."""
        with self._used(), self._sending:
            return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all of it."""
        with self._used(), self._sending:
            super().sendall(data, flags)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive up to so many bytes; none at the end."""
        with self._used():
            return super().recv(size, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive into a buffer, and return how much."""
        with self._used():
            return super().recv_into(buffer, nbytes, flags)

    @contextmanager
    def _used(self) -> Generator[None]:
        """Keep the descriptor for as long as the block lasts."""
        with self._guard:
            if self._closing:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._inside += 1
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._guard:
            self._inside -= 1
            if self._closing and not self._inside:
                super().close()
