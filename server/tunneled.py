"""A WebSocket that an application takes as a socket, on a thread: from the handshake to its end.

As in :mod:`hybrid.server.threaded`, the exchange is the worker's, which encodes a response; what the client
gets is decided on the loop, by the :class:`~hybrid.server.tunnel.Tunnel`.
"""

import asyncio
import logging
import socket
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.socket_application import SocketApplication
from hybrid.bridge.types import Headers, ResponseHead, Scope
from hybrid.bridge.wsgi.filewrapper import read_region
from hybrid.server.application_socket import ApplicationSocket
from hybrid.server.connection import Connection
from hybrid.server.logged.encoder import LoggedEncoder
from hybrid.server.logged.tunnel import LoggedTunnel
from hybrid.server.ops.access_record import AccessEvent, WebSocketRecord
from hybrid.server.ops.metrics.socket_tally import UNREAD, SocketTally
from hybrid.server.tunnel import Tunnel
from hybrid.server.websocket.guards import Guards
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import RETRY_AFTER, ResponseEncoder, refusal
from hybrid.server.wire.websocket.handshake import as_upgrade, denial_status

logger = logging.getLogger("hybrid.server")

_T = TypeVar("_T")


def open_tunnel(
    connection: Connection, request: Request, scope: Scope, application: SocketApplication, leftover: bytes
) -> None:
    """Give the connection to an application that takes sockets, or refuse the handshake: 503.

    Args:
        connection: whose HTTP is over.
        request: the handshake, which is valid.
        scope: its ASGI ``websocket`` scope, as the application is to have it.
        application: what takes it.
        leftover: bytes that came after the handshake.
    """
    extensions = {**scope["extensions"]}
    extensions.pop("websocket.http.response", None)
    scheme = "https" if scope["scheme"] == "wss" else "http"
    scope = {**scope, "type": "http", "method": "GET", "scheme": scheme, "extensions": extensions}
    del scope["subprotocols"]
    if request.http_version == "2":
        scope["headers"] = as_upgrade(scope["headers"])
    log = connection.context.access_log
    record = None if log is None else log.begin_websocket(request, scope)
    if log is not None and record is not None:
        log.label(record, application)
    try:
        exchange = _connect(connection, request, scope, record)
    except (OSError, NotImplementedError) as error:  # no more descriptors; a loop that cannot watch them
        logger.error("%s: refused, %s", request, repr(error))
        _refuse(connection, request, record)
        return
    tallies = connection.context.tallies
    tally = UNREAD if tallies is None else tallies.of_socket(application, scope)
    exchange.count(tally)
    try:
        application.submit_socket(exchange)
    except PoolFull as error:
        logger.warning("%s: refused, %s", request, str(error))
        exchange.discard()
        tally.refused[503] += 1
        _refuse(connection, request, record)
        return
    connection.switch(exchange.tunnel, leftover)


def _connect(
    connection: Connection, request: Request, scope: Scope, record: WebSocketRecord | None
) -> "TunneledExchange":
    """Make the pair of sockets and what holds it."""
    end, other = socket.socketpair()
    try:
        return TunneledExchange(connection, request, scope, (end, ApplicationSocket.of(other)), record)
    except NotImplementedError:
        end.close()
        raise


def _refuse(connection: Connection, request: Request, record: WebSocketRecord | None) -> None:
    context = connection.context
    data = refusal(request, 503, "Service Unavailable", context.default_fields, [RETRY_AFTER])
    connection.write(data)
    if record is not None and context.access_log is not None:
        record.note_refusal(data, 503)
        context.access_log.write(record)
    connection.close_after_response()


class TunneledExchange:
    """A :class:`hybrid.bridge.socket_application.SocketExchange` on an HTTP/1.1 connection.

    Attributes:
        scope: the ASGI ``http`` scope of the handshake.
        request: the handshake.
        tunnel: what the connection is to be switched to.
    """

    _encoder: ResponseEncoder  # from start() on

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        ends: tuple[socket.socket, ApplicationSocket],
        record: WebSocketRecord | None = None,
    ) -> None:
        self.request = request
        self.scope = scope
        self._record = record  # until it is logged
        end, application_end = ends
        self._tally: SocketTally | None = None  # once it is open
        tallies = connection.context.tallies
        if record is None and tallies is None:
            self.tunnel = Tunnel(connection, end, lambda: None)
        else:
            self.tunnel = LoggedTunnel(connection, end, self._opened, self._over)
        if Guards.wanted(connection.context.config):
            self.tunnel.guards = Guards(connection.context, scope)
        self._connection = connection
        self._application_end: ApplicationSocket | None = application_end
        self._answering = False  # whether the client gets the response; the worker's

    def __repr__(self) -> str:
        return f"<TunneledExchange {self.request!r} {self.tunnel!r}>"

    @property
    def disconnected(self) -> bool:
        """Whether the client has left. Safe to read on any thread."""
        return self._connection.closed

    # The loop's half.

    def discard(self) -> None:
        """Let go of both sockets. Only while no worker has the exchange."""
        self._application_end = None
        self._record = None
        self.tunnel.abort()

    def count(self, tally: SocketTally) -> None:
        """Have it counted, from before it opens."""
        if isinstance(self.tunnel, LoggedTunnel):
            self.tunnel.tally = tally

    def _opened(self) -> None:
        if isinstance(self.tunnel, LoggedTunnel):
            self._tally = self.tunnel.tally
            self._tally.opened += 1
        self._log_open()

    def _over(self, bytes_in: int, bytes_out: int) -> None:
        if self._tally is not None:
            self._tally.close(0)  # the application speaks the protocol itself: nobody knows the code
        self._log_over(bytes_in, bytes_out)

    def _log_open(self) -> None:
        log = self._connection.context.access_log
        if self._record is not None and log is not None:
            self._record = log.write_open(self._record)

    def _log_over(self, bytes_in: int, bytes_out: int) -> None:
        """The tunnel is over, and with it what has not been answered."""
        record, self._record = self._record, None
        log = self._connection.context.access_log
        if record is None or log is None:
            return
        if record.event is AccessEvent.WEBSOCKET_CLOSE:
            record.bytes_in, record.bytes_out = bytes_in, bytes_out
            log.write(record)
        else:
            log.write_cut_off(record)

    def _send_last(self, data: bytes) -> None:
        self._connection.write(data)
        if isinstance(self.tunnel, LoggedTunnel):
            self.tunnel.tally.refused[self._encoder.status] += 1
        record, self._record = self._record, None
        log = self._connection.context.access_log
        if record is not None and log is not None:
            log.write(record)
        self.tunnel.close()

    async def _claimed(self) -> bool:
        return self.tunnel.claim()

    async def _used(self) -> bool:
        return self.tunnel.used

    async def _sent(self) -> None:
        self._connection.context.outbox.deliver()
        await self._connection.wait_writable()

    # The worker's half.

    def take_socket(self) -> socket.socket:
        """Return the application's end (worker)."""
        taken, self._application_end = self._application_end, None
        assert taken is not None, "the socket can be taken once"
        return taken

    def used(self) -> bool:
        """Ask the loop whether the application has written to its socket (worker)."""
        return self._ask(self._used())

    def interim(self, status: int, headers: Headers) -> None:
        """Drop it: hints are for who will load a page (worker)."""

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Send a whole response (worker)."""
        self.start(head.status, head.reason, head.headers)
        self.finish(data)

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Take status and header fields, and ask the loop whether they are to be sent (worker)."""
        connection = self._connection
        status = denial_status(status, self.request.http_version)
        defaults, record = connection.context.default_fields, self._record
        encoder = (
            ResponseEncoder(self.request, status, reason, headers, defaults)
            if record is None
            else LoggedEncoder(record, self.request, status, reason, headers, defaults)
        )
        encoder.keep_alive = False  # what the client has sent after the handshake is no request
        self._encoder = encoder
        self._answering = self._ask(self._claimed())

    def write(self, data: bytes) -> None:
        """Send a part of the body; returns when the client has taken most of it (worker)."""
        if not self._answering or self._connection.closed:
            raise ClientDisconnected("the client gets no response, or has left")
        if not self._encoder.complete:
            self._send(data, more=True)
            if not self._encoder.complete:  # otherwise the client has it all, and nothing more is to wait for
                self._ask(self._sent())

    def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body (worker)."""
        if self._answering and not self._encoder.complete:
            self._send(data, more=False)

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send the last part of the body from a file (worker)."""
        for data in read_region(descriptor, offset, count):
            self.write(data)
        self.finish()

    def abort(self) -> None:
        """Cut a response off (worker)."""
        self._put_last(self.tunnel.cut_off)

    def end(self) -> None:
        """Let go of the tunnel (worker)."""
        self._application_end = None
        self._put_last(self.tunnel.release)

    def _send(self, data: bytes, *, more: bool) -> None:
        data = self._encoder.encode(data, more)
        put = self._connection.context.outbox.put
        put(self._send_last if self._encoder.complete else self._connection.write, data)

    def _put_last(self, what: Any) -> None:
        with suppress(ClientDisconnected):  # the server has stopped
            self._connection.context.outbox.put(lambda _data: what(), b"")

    def _ask(self, question: Coroutine[Any, Any, _T]) -> _T:
        """Wait for an answer from the loop."""
        try:
            future = asyncio.run_coroutine_threadsafe(question, self._connection.context.loop)
        except RuntimeError as error:  # the loop is closed: the server was forced to stop
            question.close()
            raise ClientDisconnected("the server has stopped") from error
        try:
            return future.result()
        except CancelledError as error:
            raise ClientDisconnected("the server is stopping") from error
