"""HTTP/2 in clear, with a client that knows that the server speaks it (RFC 9113 section 3.3)."""

import logging
from collections.abc import Callable

from hybrid.server.connection import Connection, Handler
from hybrid.server.opening import Opening
from hybrid.server.ops.escape import format_client
from hybrid.server.wire.http2.frames import PREFACE

logger = logging.getLogger("hybrid.server")


class FirstBytes(Opening):
    """Looks at what a client says first, and lets the version of HTTP begin that it is. Loop thread only.

    Nothing is taken away: whoever begins gets all bytes, of HTTP/2 those of its preface too. The difference
    may be in the last byte of that, as in a request of HTTP/1.1 with the method PRI.

    Args:
        connection: on which nothing has been said yet.
        http2: begins HTTP/2.
        http11: begins HTTP/1.1; None where that is not spoken.
    """

    def __init__(
        self,
        connection: Connection,
        http2: Callable[[Connection], Handler],
        http11: Callable[[Connection], Handler] | None,
    ) -> None:
        super().__init__(connection)
        self._http2 = http2
        self._http11 = http11
        self._received = b""  # less than a preface

    def __repr__(self) -> str:
        return f"<FirstBytes {self._received!r}>"

    def data_received(self, data: bytes) -> None:
        """Take bytes, and decide as soon as they can be only one of the two."""
        if self._connection.transport.is_closing():
            return
        self._received += data
        if self._received.startswith(PREFACE):
            self._begin(self._http2)
        elif PREFACE.startswith(self._received):
            return
        elif self._http11 is not None:
            self._begin(self._http11)
        else:
            self._refuse("it does not begin with HTTP/2, and http is 2")

    def _begin(self, http: Callable[[Connection], Handler]) -> None:
        connection = self._connection
        received, self._received = self._received, b""
        connection.switch(http(connection), received)
        if self._told:
            connection.drain()  # what has begun now

    def _too_late(self) -> None:
        if self._received:
            self._refuse("the preface of HTTP/2 did not come in time")
        else:
            super()._too_late()

    def _refuse(self, why: str) -> None:
        logger.info("%s - refused: %s", format_client(self._connection.client), why)
        self._connection.close()
