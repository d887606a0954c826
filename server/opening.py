"""What is said on a connection ahead of HTTP, as far as there is a time for it."""

from math import inf

from hybrid.server.connection import Connection, Handler
from hybrid.server.http11 import PATIENCE


class Opening(Handler):
    """Waits for what a client must say first, as long as for the head of a request. Loop thread only.

    Args:
        connection: on which nothing has been said yet.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._deadline = connection.context.deadline(connection.context.config.timeout_headers)
        self._closing_at = inf  # while the server stops
        self._told = False  # that it stops

    def eof_received(self) -> bool:
        """Close: there is no request."""
        return False

    def tick(self, now: float) -> None:
        """Close when nothing comes in time."""
        if now >= self._closing_at:
            self._connection.close()
        elif now >= self._deadline:
            self._too_late()

    def drain(self) -> None:
        """Give the client a moment, as to any new connection, if there is one left: a request may follow at
        once.
        """
        context = self._connection.context
        self._told = True
        if context.patient:
            self._closing_at = context.loop.time() + PATIENCE
        else:
            self._connection.close()

    def _too_late(self) -> None:
        """End a connection on which the time is over."""
        self._connection.close()
