"""HTTP/1.1 on one connection: one exchange after another (RFC 9112)."""

import logging
from enum import Enum, auto
from typing import Final

from hybrid.bridge.errors import BodyRefused
from hybrid.server.answering import Answering
from hybrid.server.connection import Connection
from hybrid.server.ops.escape import format_client
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http11 import Request, RequestParser, wants_websocket
from hybrid.server.wire.response import refusal

logger = logging.getLogger("hybrid.server")

#: Bytes of requests that may wait behind the one being answered before reading from the socket pauses.
_PIPELINE_BYTES: Final = 64 * 1024
#: Bytes of a body that nobody wants that are read so that the connection can go on; beyond, it is closed.
_DISCARD_BYTES: Final = 64 * 1024
#: Seconds for which a server that stops keeps a connection that was in use just now: the next request may be
#: on its way, and whoever sent it could not know whether it was taken (RFC 9112 section 9.5).
PATIENCE: Final = 0.2
#: To whom no content is sent, as far as the line of what is refused tells (RFC 9110 section 9.3.2).
_HEAD: Final = Request("HEAD", b"*", "1.1", [])


class _State(Enum):
    """What the bytes of the client are now."""

    IDLE = auto()  # the next request; there is no exchange
    BODY = auto()  # the body of the request being answered
    WAITING = auto()  # later requests, which wait: this one is complete, its response is not
    STALLED = auto()  # later requests, which wait: the client has not read the responses before
    DISCARDING = auto()  # the rest of a body that nobody wants: the response is complete
    CLOSED = auto()  # nothing: the connection closes


# Looked at for every request; through the class it takes CPython 3.11 three times as long.
_IDLE: Final = _State.IDLE
_BODY: Final = _State.BODY
_WAITING: Final = _State.WAITING
_STALLED: Final = _State.STALLED
_CLOSED: Final = _State.CLOSED


class Http11(Answering):
    """HTTP/1.1 on one connection: one exchange after another. Loop thread only.

    Requests that come while one is being answered wait as bytes in the parser, and so are answered in order.
    """

    #: Whether the client may take the connection for one that goes on, although the server stops.
    _may_go_on = False

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._parser = RequestParser(
            self._context.config.limits, connection.check_underscores, connection.check_scheme
        )
        self._state = _IDLE
        self._discard_left = 0
        self._eof = False  # whether the client has closed its direction
        self._head_begun = False
        self._deadline = self._context.deadline(self._context.config.timeout_headers)

    def __repr__(self) -> str:
        return f"<Http11 {self._state.name} {self._exchange!r} {self._parser!r}>"

    # What asyncio and the connection call.

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        try:
            parser = self._parser
            if self._state is not _IDLE:
                parser.feed(data)
            elif request := parser.next_request(data):  # the usual case: one request, and all of it
                self._begin(request)
                if not parser.waiting:
                    return
            self._advance()
        except (RequestError, BodyRefused) as error:
            self._refuse(error)

    def eof_received(self) -> bool:
        """Close, or go on answering a client that only closed its direction (RFC 9112 section 9.6)."""
        if self._state is _WAITING and self._exchange is not None and not self._exchange.done:
            self._exchange.disconnect()
        elif self._state is not _STALLED or not self._parser.waiting:
            return False
        self._eof = True
        return self._connection.transport.can_write_eof()  # TLS has no half-closed connections

    def resume_writing(self) -> None:
        """Let the application go on, or the next request if that waited for the client to read."""
        super().resume_writing()
        if self._state is _STALLED:
            self._context.loop.call_soon(self._unstall)  # asyncio cannot bear a close inside this call

    def disconnected(self) -> None:
        """Tell whoever still answers, and let go of them."""
        self._state = _State.CLOSED
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abandon()

    def tick(self, now: float) -> None:
        """Act on the deadlines for a head, a body, or an idle connection."""
        if self._state is _BODY:
            self._watch_body(now)
        elif (
            self._exchange is None
            and now >= self._deadline
            and (self._state is _IDLE or self._state is _State.DISCARDING)
        ):
            if self._state is _IDLE and self._parser.waiting:
                self._refuse(RequestError(408, "the request head did not come in time"))
            else:
                self._close()

    def drain(self) -> None:
        """Close now if nothing is in flight, otherwise after the response."""
        patient = self._context.patient
        if self._exchange is not None:
            self._may_go_on = not self._exchange.close_after() and patient
            self._parser.let_next_be_last()
        elif patient and self._state is _IDLE and (self._parser.waiting or self._was_used_just_now()):
            self._await_last_request()
        else:
            self._close_after_response()

    @property
    def ends_by_closing(self) -> bool:
        """Whether the client cannot tell an incomplete response otherwise: HTTP/1.0 has no chunks."""
        return self._exchange is not None and self._exchange.request.http_version == "1.0"

    # What exchanges call.

    def exchange_done(self) -> None:
        """Go on, as the response is complete."""
        if self._exchange is None or not self._exchange.done or self._state is _CLOSED:
            return
        self._end_exchange()
        if self._parser.waiting:
            self._context.run_apart(self._go_on)

    # From one state to the next.

    def _go_on(self) -> None:
        """Take up what came while something else had to be waited for."""
        try:
            self._advance()
        except (RequestError, BodyRefused) as error:
            self._refuse(error)
        if self._eof and (self._state is _IDLE or self._state is _BODY):
            self._connection.close()  # what there is of the next request will never be complete
        elif self._eof and self._exchange is not None:
            self._exchange.disconnect()

    def _unstall(self) -> None:
        if self._state is _STALLED and self._connection.writable:
            self._connection.resume_reading()
            self._state = _IDLE
            self._deadline = self._context.idle_deadline
            self._go_on()

    def _advance(self) -> None:
        """Do all that the bytes at hand and the state of the exchange allow."""
        while self._step():
            pass

    def _step(self) -> bool:
        """Take one step; False when more bytes, or the end of the response, must be waited for."""
        match self._state:
            case _State.IDLE:
                return self._next_request(b"")
            case _State.BODY:
                return self._read_body()
            case _State.WAITING:
                return self._wait()
            case _State.STALLED:
                return self._hold_back()
            case _State.DISCARDING:
                return self._discard()
            case _State.CLOSED:
                return False

    def _next_request(self, data: bytes) -> bool:
        request = self._parser.next_request(data)
        if request is not None:
            self._begin(request)
            return True
        if self._parser.waiting and not self._head_begun:
            self._head_begun = True
            self._deadline = self._context.deadline(self._context.config.timeout_headers)
        return False

    def _begin(self, request: Request) -> None:
        """Find the application for a request, and let it start."""
        self._head_begun = False
        if b"upgrade" in request.fields and wants_websocket(request):
            self._state = _State.CLOSED  # to HTTP
            # Here, as it is a tenth of a start, and not everybody wants it.
            from hybrid.server.upgrade import upgrade

            upgrade(self._connection, request, self._parser.take_rest())
            return
        body_complete = self._parser.body_complete
        self._state = _WAITING if body_complete else _BODY
        self._answer(request, body_complete=body_complete)

    def _read_body(self) -> bool:
        exchange = self._exchange
        assert exchange is not None
        exchange.feed(self._parser.read_body())
        if not self._parser.body_complete:
            return False
        self._body_watch = None
        self._state = _WAITING
        exchange.feed_eof()
        return True

    def _watch_body(self, now: float) -> None:
        if complaint := self._complaint(now, self._parser.body_position):
            self._refuse(RequestError(408, complaint))

    def _wait(self) -> bool:
        assert self._exchange is not None
        if self._exchange.done:
            self._end_exchange()
            return True
        return self._hold_back()

    def _hold_back(self) -> bool:
        if len(self._parser.waiting) > _PIPELINE_BYTES:
            self._connection.pause_reading()
        return False

    def _discard(self) -> bool:
        self._discard_left -= len(self._parser.read_body())
        if self._discard_left < 0:
            self._close_after_response()
            return False
        if not self._parser.body_complete:
            return False
        self._state = _IDLE if self._connection.writable else _STALLED
        self._deadline = self._context.idle_deadline
        return True

    def _end_exchange(self) -> None:
        """The response is complete: be ready for the next request, read the rest of this one away, or
        close.
        """
        exchange = self._exchange
        assert exchange is not None
        if self._may_go_on and self._state is _WAITING and self._connection.writable and not self._eof:
            self._connection.resume_reading()
            self._exchange = None
            self._state = _IDLE
            self._may_go_on = False
            self._await_last_request()
        elif not exchange.keep_alive or self._context.draining or (self._eof and not self._parser.waiting):
            self._close_after_response()
        elif self._state is _WAITING:
            if not self._connection.reading:
                self._connection.resume_reading()
            self._exchange = None
            self._state = _IDLE if self._connection.writable else _STALLED
            self._deadline = self._context.idle_deadline
        else:
            self._connection.resume_reading()
            self._body_watch = None
            self._exchange = None
            self._state = _State.DISCARDING
            self._deadline = self._context.idle_deadline
            self._discard_left = _DISCARD_BYTES

    def _was_used_just_now(self) -> bool:
        """Whether the connection is new, or has become idle in this tick or the one before."""
        return self._deadline > self._context.idle_deadline - 1.5 * self._context.TICK

    def _await_last_request(self) -> None:
        """Let the client send a request that was on its way, and tell it in the response that it is the
        last.
        """
        self._parser.let_next_be_last()
        if not self._parser.waiting:  # otherwise its head has been given a time of its own
            self._deadline = self._context.loop.time() + PATIENCE

    def _close(self) -> None:
        self._state = _State.CLOSED
        self._exchange = None
        self._connection.close()

    def _close_after_response(self) -> None:
        sending = self._state in (_State.BODY, _State.DISCARDING) or self._parser.waiting
        if sending:
            self._state = _CLOSED
            self._connection.close_after_response()
        else:
            self._close()

    def _refuse(self, error: RequestError | BodyRefused) -> None:
        """Answer a request that cannot be trusted or taken, and close: nobody knows where the next one would
        start, or wants to read as far as that.
        """
        # As text: who keeps the error keeps the connection, which is in its traceback.
        logger.info("%s - refused: %s", format_client(self._connection.client), str(error))
        if self._exchange is None and self._context.tallies is not None:
            self._context.tallies.refused[error.status] += 1
        exchange = self._exchange
        answered, self._state = self._state is _State.DISCARDING, _CLOSED
        if exchange is None and not answered:
            line = error.line if isinstance(error, RequestError) else b""
            line = line or self._parser.waiting.partition(b"\r\n")[0]
            asked = _HEAD if line.startswith(b"HEAD ") else None
            data = refusal(asked, error.status, error.reason, self._context.default_fields)
            self._connection.write(data)
            if self._context.access_log is not None:
                self._context.access_log.write_refused(self._connection.client, line, error.status, data)
        elif exchange is not None:
            if not exchange.done and not exchange.refuse(error.status, error.reason):
                self._connection.abort()
            exchange.abandon()
        self._connection.close_after_response()
