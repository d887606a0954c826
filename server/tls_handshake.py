"""From an accepted connection to one that is encrypted: the handshake, before anything else is spoken."""

import asyncio
import logging
import ssl
import traceback
from collections.abc import Callable
from typing import Any, Final, cast

from hybrid.server.config.settings import LONGEST_TIMEOUT
from hybrid.server.connection import Connection, Handler
from hybrid.server.ops.escape import format_client
from hybrid.server.tls import Certificates, tls_reason
from hybrid.server.tls_facts import TlsFacts

logger = logging.getLogger("hybrid.server")

#: Seconds that a handshake may still take when the server stops.
_DRAIN_SECONDS: Final = 1.0


class TlsHandshake(Handler):
    """The TLS handshake on a new connection; afterwards another handler speaks on it. Loop thread only.

    The connection is counted and has its addresses from the start, so that it can be limited, drained and
    named in the log like any other. What comes in clear ahead of the handshake, as the PROXY protocol does,
    is the matter of a handler before this one, which ends with :func:`secure`.

    Args:
        connection: on which nothing has been said yet.
        certificates: what to present.
        then: makes the handler for what comes encrypted.
    """

    def __init__(
        self, connection: Connection, certificates: Certificates, then: Callable[[Connection], Handler]
    ) -> None:
        super().__init__(connection)
        self._certificates = certificates
        self._then = then
        self._next: Handler | None = None
        self._layered = False  # whether the transport belongs to the TLS layer
        self._waiting: list[bytes] = []  # for the TLS layer, and from there on for the next handler
        self._deadline: float | None = None  # while the server stops
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<TlsHandshake {'complete' if self._next else 'open'}>"

    # What asyncio and the connection call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin on a new connection."""
        super().connection_made(transport)
        self.begin()

    def data_received(self, data: bytes) -> None:
        """Keep what comes before the TLS layer, or then the next handler, has the connection: a turn of the
        loop.
        """
        self._waiting.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the next handler, if it is its connection by now: asyncio may have decided whom to call
        before.
        """
        if self._next is not None:
            self._next.connection_lost(exc)
        elif not self._connection.closed:
            super().connection_lost(exc)

    def tick(self, now: float) -> None:
        """Let a server go that stops."""
        if self._deadline is not None and now >= self._deadline:
            self._connection.abort()

    def drain(self) -> None:
        """Give the client a moment, as a request may follow at once."""
        if self._deadline is None:
            self._deadline = self._connection.context.deadline(_DRAIN_SECONDS)

    # The handshake.

    def begin(self, leftover: bytes = b"") -> None:
        """Begin, with bytes of the client's that have come already."""
        if leftover:
            self._waiting.append(leftover)
        loop = self._connection.context.loop
        self._task = loop.create_task(self._secure())  # whose first step gives the transport to the TLS layer
        loop.call_soon(loop.call_soon, self._feed)  # right behind what that step calls for

    def _feed(self) -> None:
        """Give the TLS layer what came before it was there."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        if not self._layered:  # the client has left meanwhile
            return
        layer = cast("asyncio.BufferedProtocol", self._connection.transport.get_protocol())
        while data:
            buffer: Any = layer.get_buffer(len(data))
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            layer.buffer_updated(size)
            data = data[size:]

    async def _secure(self) -> None:
        connection = self._connection
        if connection.transport.is_closing():
            return
        self._layered = True
        try:
            transport = await connection.context.loop.start_tls(
                connection.transport,
                self,
                self._certificates.context,
                server_side=True,
                ssl_handshake_timeout=connection.context.config.timeout_ssl_handshake,
                ssl_shutdown_timeout=LONGEST_TIMEOUT,  # the connection does not wait, and loses nothing
            )
        except OSError as error:
            self._log_failure(error)
            # In its frames are asyncio's TLS layer and the error itself, which would wait for the garbage
            # collector, with a quarter of a megabyte.
            traceback.clear_frames(error.__traceback__)
            error.__traceback__ = None
            transport = None
        except Exception:
            logger.exception("%s: the TLS handshake failed", format_client(connection.client))
            connection.abort()
            transport = None
        if transport is None or transport.is_closing():  # which the loops return, too, for a lost connection
            self.connection_lost(None)
        elif not connection.closed:
            self._go_on(transport)

    def _go_on(self, transport: asyncio.Transport) -> None:
        """Let the next handler speak."""
        connection = self._connection
        layer: ssl.SSLObject = transport.get_extra_info("ssl_object")
        try:
            connection.secured(transport, TlsFacts(layer, self._certificates.presented(layer)))
            self._next = self._then(connection)
            connection.switch(self._next, b"".join(self._waiting))
            if connection.context.draining:
                self._next.drain()
        except Exception:
            logger.exception("%s: the connection failed", format_client(connection.client))
            transport.abort()

    def _log_failure(self, error: OSError) -> None:
        client = format_client(self._connection.client)
        if isinstance(error, ssl.SSLError):
            logger.info("%s: no TLS handshake: %s", client, _reason(error))
        elif isinstance(error, ConnectionAbortedError):
            seconds = self._connection.context.config.timeout_ssl_handshake
            logger.info("%s: no TLS handshake in %g seconds", client, seconds)
        else:  # a probe, or somebody who has left
            logger.debug("%s: left during the TLS handshake", client)


def secure(
    connection: Connection,
    certificates: Certificates,
    then: Callable[[Connection], Handler],
    leftover: bytes,
) -> None:
    """Make a TLS handshake on a connection on which something was said in clear before.

    Args:
        connection: whose handler has done its work.
        certificates: what to present.
        then: makes the handler for what comes encrypted.
        leftover: bytes that have come of the handshake.
    """
    handshake = TlsHandshake(connection, certificates, then)
    connection.switch(handshake)
    handshake.begin(leftover)


def _reason(error: ssl.SSLError) -> str:
    if error.reason == "HTTP_REQUEST":
        return "the client speaks HTTP without TLS"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the client's certificate is not valid: {error.verify_message}"
    return tls_reason(error)
