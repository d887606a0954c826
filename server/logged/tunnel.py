"""A tunnel of a server that logs accesses, which counts what passes."""

import socket
from collections.abc import Callable

from hybrid.server.connection import Connection
from hybrid.server.ops.metrics.socket_tally import UNREAD
from hybrid.server.tunnel import Tunnel


class LoggedTunnel(Tunnel):
    """A :class:`~hybrid.server.tunnel.Tunnel` that counts bytes, and says when it is over.

    Args:
        on_over: is called once, with the bytes that came from the client and those that went there.

    Attributes:
        tally: what counts it.
    """

    def __init__(
        self,
        connection: Connection,
        end: socket.socket,
        on_open: Callable[[], object],
        on_over: Callable[[int, int], object],
    ) -> None:
        super().__init__(connection, end, on_open)
        self._on_over: Callable[[int, int], object] | None = on_over
        self._bytes_in = self._bytes_out = 0
        self.tally = UNREAD

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._bytes_in += len(data)
        self.tally.bytes_in += len(data)
        super().data_received(data)

    def disconnected(self) -> None:
        """Tell the application."""
        super().disconnected()
        self._say_over()

    def _pass_on(self, data: bytes) -> None:
        self._bytes_out += len(data)
        self.tally.bytes_out += len(data)
        super()._pass_on(data)

    def _close_end(self) -> None:
        super()._close_end()
        self._say_over()

    def _say_over(self) -> None:
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over(self._bytes_in, self._bytes_out)
