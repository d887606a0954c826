"""HTTP/1.1 on one connection: one exchange after another (RFC 9112)."""

import logging
from enum import Enum, auto
from math import inf

from hybrid.bridge.types import ThreadedApplication
from hybrid.server.connection import Connection
from hybrid.server.exchange import Exchange
from hybrid.server.ops.access_log import format_client
from hybrid.server.pipeline import http_scope, resolve, start_call
from hybrid.server.threaded import ThreadedExchange
from hybrid.server.websocket import upgrade, wants_websocket
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http11 import Request, RequestParser
from hybrid.server.wire.response import ResponseEncoder, refusal

logger = logging.getLogger("hybrid.server")

#: Bytes of requests that may wait behind the one being answered before reading from the socket pauses.
_PIPELINE_BYTES = 64 * 1024
#: Bytes of a body that nobody wants that are read so that the connection can go on; beyond, it is closed.
_DISCARD_BYTES = 64 * 1024


class _State(Enum):
    """What the bytes of the client are now."""

    IDLE = auto()  # between requests, or in the middle of a head
    BODY = auto()  # of the request being answered
    WAITING = auto()  # the request is complete, its response is not: they are later requests, and wait
    DISCARDING = auto()  # the response is complete, its request is not


class Http11:
    """HTTP/1.1 on one connection: one exchange after another. Loop thread only.

    Requests that come while one is being answered wait as bytes in the parser, and so are answered in order.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._context = connection.context
        self._parser = RequestParser(self._context.config.limits)
        self._exchange: Exchange | ThreadedExchange | None = None
        self._state = _State.IDLE
        self._discard_left = 0
        self._eof = False  # whether the client has closed its direction
        self._head_begun = False
        self._deadline = self._context.deadline(self._context.config.timeout_headers)

    def __repr__(self) -> str:
        return f"<Http11 {self._state.name} {self._exchange!r} {self._parser!r}>"

    # What the connection calls.

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._parser.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """Close, or go on answering a client that only closed its direction (RFC 9112 section 9.6)."""
        if self._state is not _State.WAITING or self._exchange is None or self._worker_let_go():
            return False
        self._eof = True
        self._exchange.disconnect()
        return True

    def connection_lost(self) -> None:
        """Tell whoever still answers."""
        if self._exchange is not None:
            self._exchange.abandon()

    def tick(self, now: float) -> None:
        """Take up what a worker has left, and act on the deadline for a head or an idle connection."""
        if self._exchange is not None and self._exchange.done:
            self._advance()
        elif now >= self._deadline:
            if self._parser.buffered:
                self._refuse(RequestError(408, "the request head did not come in time"))
            else:
                self._connection.close()

    def drain(self) -> None:
        """Close now if nothing is in flight, otherwise after the response."""
        if self._exchange is None:
            self._connection.close()
        else:
            self._exchange.close_after()
            if self._worker_let_go():
                self._advance()

    # What exchanges call.

    def exchange_done(self) -> None:
        """The response is complete, and the exchange has nobody else to take it up."""
        if self._exchange is not None and self._exchange.done and not self._connection.closed:
            self._advance()

    def _worker_let_go(self) -> bool:
        """Whether the response is complete; if not, the worker will call :meth:`exchange_done` once it is."""
        exchange = self._exchange
        if isinstance(exchange, ThreadedExchange):
            exchange.loop_waits = True
        return exchange is not None and exchange.done

    # From one state to the next.

    def _advance(self) -> None:
        """Do all that the bytes at hand and the state of the exchange allow."""
        try:
            while self._step():
                pass
        except RequestError as error:
            self._refuse(error)

    def _step(self) -> bool:
        """Take one step; False when more bytes, or the end of the response, must be waited for."""
        if self._state is _State.IDLE:
            return self._next_request()
        if self._exchange is None:
            return False
        if self._exchange.done and self._state is not _State.DISCARDING:
            return self._end_exchange()
        match self._state:
            case _State.BODY:
                return self._read_body(self._exchange)
            case _State.DISCARDING:
                return self._discard()
            case _:
                return self._wait()

    def _next_request(self) -> bool:
        request = self._parser.next_request()
        if request is not None:
            self._begin(request)
            return True
        if self._parser.buffered and not self._head_begun:
            self._head_begun = True
            self._deadline = self._context.deadline(self._context.config.timeout_headers)
        return False

    def _begin(self, request: Request) -> None:
        self._head_begun = False
        self._deadline = inf
        if b"upgrade" in request.fields and wants_websocket(request):
            self._state = _State.WAITING
            upgrade(self._connection, request, self._parser.take_rest())
            return
        application, scope = resolve(self._context.application, http_scope(self._connection, request))
        if isinstance(application, ThreadedApplication):
            self._exchange = ThreadedExchange(self._connection, request, scope, application, self.exchange_done)
        else:
            exchange = Exchange(self._connection, request, scope, self.exchange_done)
            self._exchange = exchange
            start_call(self._context, application, exchange)
        if self._parser.body_complete:
            self._state = _State.WAITING
            self._exchange.feed_eof()
        else:
            self._state = _State.BODY

    def _read_body(self, exchange: Exchange | ThreadedExchange) -> bool:
        exchange.feed(self._parser.read_body())
        if not self._parser.body_complete:
            return False
        self._state = _State.WAITING
        exchange.feed_eof()
        return True

    def _wait(self) -> bool:
        if self._worker_let_go():
            return True
        if self._parser.buffered > _PIPELINE_BYTES:
            self._connection.pause_reading()
        return False

    def _end_exchange(self) -> bool:
        """The response is complete: close, read the rest of the request away, or be ready for the next one."""
        assert self._exchange is not None
        if not self._may_go_on(self._exchange):
            self._close_after_response()
            return False
        self._connection.resume_reading()
        if self._state is _State.BODY:
            self._state = _State.DISCARDING
            self._discard_left = _DISCARD_BYTES
            return True
        self._become_idle()
        return True

    def _may_go_on(self, exchange: Exchange | ThreadedExchange) -> bool:
        if not exchange.keep_alive or self._context.draining:
            return False
        if self._eof and not self._parser.buffered:
            return False
        return self._state is _State.WAITING or not exchange.awaits_continue

    def _discard(self) -> bool:
        self._discard_left -= len(self._parser.read_body())
        if self._discard_left < 0:
            self._close_after_response()
            return False
        if self._parser.body_complete:
            self._become_idle()
            return True
        return False

    def _become_idle(self) -> None:
        self._exchange = None
        self._state = _State.IDLE
        self._deadline = self._context.deadline(self._context.config.timeout_keep_alive)

    def _close_after_response(self) -> None:
        if self._state is _State.WAITING and not self._parser.buffered:
            self._exchange = None
            self._connection.close()
        else:
            self._connection.close_after_response()

    def _refuse(self, error: RequestError) -> None:
        """Answer a request that cannot be trusted, and close: nobody knows where the next one would start."""
        logger.info("%s - refused: %s", format_client(self._connection.client), error)
        exchange = self._exchange
        if exchange is None:
            encoder = ResponseEncoder("GET", "1.1", keep_alive=False)
            self._connection.write(refusal(encoder, error.status, error.reason, self._context.default_fields))
        elif not exchange.done and not exchange.refuse(error.status, error.reason):
            self._connection.abort()
        if exchange is not None:
            exchange.abandon()
        self._connection.close_after_response()
