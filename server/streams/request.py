"""One request on a stream of an HTTP/2 connection."""

import asyncio
import logging

from hybrid.bridge.errors import BodyRefused
from hybrid.server.answering import Answering
from hybrid.server.connection import Connection
from hybrid.server.exchange import Exchange
from hybrid.server.extensions import PUSH
from hybrid.server.ops.escape import format_client
from hybrid.server.threaded import ThreadedExchange
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http2.requests import Connect
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import refusal

logger = logging.getLogger("hybrid.server")


class StreamRequest(Answering):
    """Answers the one request of a stream, or gives the stream to a WebSocket. Loop thread only."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._position = 0  # bytes of the body so far
        self._body_complete = False
        self._refused: Exchange | ThreadedExchange | None = None  # what has been answered in its place

    def __repr__(self) -> str:
        return f"<StreamRequest {self._exchange!r}>"

    def begin(self, request: Request, *, body_complete: bool) -> None:
        """Take the head of the request."""
        self._body_complete = body_complete
        try:
            if isinstance(request, Connect):
                # Here, as not everybody wants it.
                from hybrid.server.upgrade import upgrade

                upgrade(self._connection, request, b"")
            else:
                self._answer(request, body_complete=body_complete)
                self._offer_push()
        except (RequestError, BodyRefused) as error:
            self.refuse(request, error)

    def _offer_push(self) -> None:
        """Let an ASGI application know that it may push. It has not been called: its task has to begin."""
        exchange = self._exchange
        if self._connection.push is not None and isinstance(exchange, Exchange):
            exchange.scope["extensions"][PUSH] = {}

    def refuse(self, request: Request, error: RequestError | BodyRefused) -> None:
        """Answer a request that cannot be taken."""
        connection = self._connection
        # As text: who keeps the error keeps the connection, which is in its traceback.
        logger.info("%s - refused: %s", format_client(connection.client), str(error))
        self._refused = exchange = self._exchange
        self._exchange = None
        if exchange is not None:
            if not exchange.done and not exchange.refuse(error.status, error.reason):
                connection.abort()
            exchange.abandon()
        else:
            data = refusal(request, error.status, error.reason, self._context.default_fields)
            connection.write(data)
            if self._context.tallies is not None:
                self._context.tallies.refused[error.status] += 1
            if self._context.access_log is not None:
                self._context.access_log.write_refused(connection.client, request, error.status, data)
        connection.close()

    # What the transport and the connection call.

    @property
    def call(self) -> "asyncio.Task[None] | None":
        """The application's call, unless its response is complete or it runs on a thread."""
        exchange = self._exchange or self._refused
        # It may wait at a gate, and has no task before it is let in.
        return getattr(exchange, "task", None) if isinstance(exchange, Exchange) else None

    def data_received(self, data: bytes) -> None:
        """Take a part of the body."""
        self._position += len(data)
        exchange = self._exchange
        if exchange is None:
            return
        try:
            largest = self._context.config.limits.request_body
            if 0 < largest < self._position:
                raise RequestError(413, "request body too large")
            exchange.feed(data)
        except (RequestError, BodyRefused) as error:
            self.refuse(exchange.request, error)

    def eof_received(self) -> bool:
        """The body is complete; the response goes on."""
        self._body_complete = True
        self._body_watch = None
        exchange = self._exchange
        if exchange is not None:
            try:
                exchange.feed_eof()
            except BodyRefused as error:
                self.refuse(exchange.request, error)
        return True

    def disconnected(self) -> None:
        """Tell whoever still answers, and let go of them."""
        exchange, self._exchange = self._exchange, None
        self._refused = None
        if exchange is not None and not exchange.done:
            exchange.abandon()

    def tick(self, now: float) -> None:
        """Act on the deadline for a body."""
        exchange = self._exchange
        if exchange is None or self._body_complete:
            return
        if complaint := self._complaint(now, self._position + self._connection.arriving):
            self.refuse(exchange.request, RequestError(408, complaint))

    def exchange_done(self) -> None:
        """End the stream, as the response is complete."""
        exchange = self._exchange
        if exchange is not None and exchange.done:
            self._exchange = None
            self._connection.close()
