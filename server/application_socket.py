"""The socket that an application on a thread reads and writes in a client's place."""

import socket
import threading
from typing import Any, Self


class ApplicationSocket(socket.socket):
    """An application's end of a tunnel: an ordinary blocking socket, for any number of its threads.

    What one call sends stays together, whichever threads send at the same time: on this kind of socket the
    kernel would mix them, and so break the frames of a thread that answers a ping while another one sends.

    Closed when nobody has it any more, and not by the server when the call is over: another thread may be
    about to receive, from a descriptor that would be somebody else's by then.
    """

    def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        super().__init__(family, kind, proto, fileno)
        self._sending = threading.Lock()  # guards the order of what is sent

    @classmethod
    def of(cls, plain: socket.socket) -> Self:
        """Make one of a plain socket, which gives its descriptor away."""
        return cls(fileno=plain.detach())

    def __del__(self) -> None:
        self.close()

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send all of it, unless the application has set a timeout, and return how much was sent."""
        with self._sending:
            return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all of it."""
        with self._sending:
            super().sendall(data, flags)
