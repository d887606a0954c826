"""One HTTP request and its response as an ASGI application sees them (ASGI HTTP specification 2.5)."""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import Headers, Message, Scope
from hybrid.server.connection import Connection
from hybrid.server.leaving import Leaving
from hybrid.server.messages import body_of, kind_of, start_complaint
from hybrid.server.ops.metrics.route_tally import CLIENT_LEFT, RouteTally, UnroutedTally
from hybrid.server.pipeline import describe
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import CONTINUE, ResponseEncoder, refusal

if TYPE_CHECKING:  # what few responses need is loaded with the first of them
    from hybrid.server.wire.fronted import Encoder

logger = logging.getLogger("hybrid.server")

#: Bytes of request body that wait for the application before reading from the socket pauses.
BODY_HIGH_WATER: Final = 64 * 1024
#: Parts of it that are kept apart: small ones take many times as much memory as what is in them.
_MOST_PARTS: Final = 256


class State(Enum):
    """Where the response is, and which message it is due."""

    START = "http.response.start is due"
    BODY = "http.response.body is due"
    DONE = "the response is complete"
    LOST = "the client has left"


# Looked at with every message; through the class it takes CPython 3.11 three times as long.
_START: Final = State.START
_BODY: Final = State.BODY
_DONE: Final = State.DONE


class Exchange:
    """One HTTP request and its response as an ASGI application sees them. Loop thread only.

    Whoever owns the connection gives it the body as it comes; the application takes that with
    :meth:`receive`, and answers with :meth:`send`.

    Attributes:
        scope: the ASGI ``http`` scope.
        state: where the response is.
        keep_alive: whether the connection may go on afterwards.
        tally: what counts it, once, when it is over; None where nothing does.
        begun_at: when the application was to be called, by :func:`time.monotonic`; 0.0 where nobody wants to
            know how long it takes.
    """

    __slots__ = (
        "_awaits_continue", "_body", "_body_complete", "_body_size", "_connection", "_delivered", "_encoder",
        "_leaving", "_on_done", "_waiters", "begun_at", "keep_alive", "request", "scope", "state", "tally",
        "task",
    )  # fmt: skip

    tally: RouteTally | UnroutedTally | None  # before anything is called, as the next
    begun_at: float
    task: asyncio.Task[None]
    _encoder: "Encoder"  # from BODY on
    _new_encoder: Callable[..., ResponseEncoder] = ResponseEncoder

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        body_complete: bool,
        on_done: Callable[[], object],
    ) -> None:
        self.request = request
        self.scope = scope
        self.state = _START
        self.keep_alive = request.keep_alive
        # Whether the client may hold its body back because nobody told it to go on.
        self._awaits_continue = not body_complete and request.expects_continue
        self._connection = connection
        self._on_done = on_done
        self._body: list[bytes] = []
        self._body_size = 0
        self._body_complete = body_complete
        self._delivered = False  # whether the application has had the message with more_body=False
        self._leaving: Leaving | None = None  # once the client sends nothing any more
        self._waiters: list[asyncio.Future[None]] | None = None  # tasks in receive(): there may be several

    def __repr__(self) -> str:
        return f"<Exchange {self.request!r}: {self.state.value}>"

    @property
    def done(self) -> bool:
        """Whether the response is complete."""
        return self.state is _DONE

    @property
    def awaits_body(self) -> bool:
        """Whether it is the client's turn to send its body: nobody lets it wait for ``100 Continue``."""
        return not self._awaits_continue or (self.state is _BODY and self._encoder.head_sent)

    # What the owner of the connection calls.

    def feed(self, data: bytes) -> None:
        """Take a part of the request body; too much of it pauses the socket."""
        if data and self.state is not _DONE:
            body = self._body
            body.append(data)
            self._body_size += len(data)
            if len(body) > _MOST_PARTS:
                body[:] = (b"".join(body),)
            self._awaits_continue = False
            if self.tally is not None:
                self.tally.bytes_in += len(data)
            if self._body_size > BODY_HIGH_WATER:
                self._connection.pause_reading()
            self._wake()

    def feed_eof(self) -> None:
        """The request body is complete."""
        self._body_complete = True
        self._awaits_continue = False
        self._wake()

    def disconnect(self) -> None:
        """The client sends nothing more; ``receive()`` says so from here on."""
        leaving = self._leaving
        if leaving is None:
            leaving = self._leaving = Leaving()
        self._wake()
        if self.state is _BODY:
            leaving.watch(self)

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request: nothing more can be sent."""
        self.disconnect()
        if self.state is not _DONE:
            if self.tally is not None:
                self._count_cut_off()
            self.state = State.LOST

    def close_after(self) -> bool:
        """Let this be the connection's last exchange; whether the client will be told, or the head has been
        sent already.
        """
        told = not self.keep_alive or self.state is _START
        self.keep_alive = False
        if self.state is _BODY:
            told = told or not (self._encoder.head_sent and self._encoder.keep_alive)
            self._encoder.keep_alive = False
        return told

    def end_response(self) -> bool:
        """Let ``receive()`` say that the client has left, so that an application which goes on sending may
        end; whether it does. What it still sends arrives.
        """
        if self.state is not _BODY:  # one that has not begun could only give up
            return False
        if self._leaving is None:
            self._leaving = Leaving()
        self._leaving.note_told()  # it has until the end of the drain
        self.disconnect()
        return True

    def refuse(self, status: int, reason: str, headers: Headers | None = None) -> bool:
        """Answer in the application's place; False when its own response has begun."""
        if self.state is _BODY and self._encoder.head_sent:
            return False
        defaults = self._connection.context.default_fields
        self._write_refusal(status, refusal(self.request, status, reason, defaults, headers or ()))
        self.keep_alive = False
        self._count(status, 0)
        self._complete(status)
        self.state = State.LOST  # to the application, whose own response has nowhere to go
        return True

    # What the application calls.

    async def receive(self) -> Message:
        """Return the next ASGI event: a part of the body, or ``http.disconnect``."""
        while not self._delivered and not (
            self._body or self._body_complete or self._leaving is not None or self.state is _DONE
        ):
            if self._awaits_continue and not (self.state is _BODY and self._encoder.head_sent):
                self._awaits_continue = False
                self._connection.write(CONTINUE)
            await self._wait()
        while self._delivered and not (self._leaving is not None or self.state is _DONE):
            await self._wait()
        if self._delivered or self.state is _DONE or not (self._body or self._body_complete):
            if self._leaving is not None:
                self._leaving.note_told()
            return {"type": "http.disconnect"}
        return self._take_body()

    async def send(self, message: Message) -> None:
        """Take the next ASGI message, and wait while the client reads too slowly.

        Raises:
            ClientDisconnected: the client has left.
            ProtocolError: the message is not allowed here.
            ResponseError: it would break the framing, or inject a header field.
        """
        try:
            kind = message["type"]
        except (KeyError, TypeError):
            kind = None  # of which kind_of() tells
        if kind == "http.response.body" and self.state is _BODY:
            encoder = self._encoder
            body = message.get("body", b"")
            more = message.get("more_body", False)
            if type(body) is not bytes or (more is not False and more is not True):
                body = body_of(message)
            if more and not self._connection.writable:
                await self._wait_for_room(message)
            data = encoder.encode(body, more)
            if data:
                self._connection.transport.write(data)
            if not more and encoder.complete:
                self.keep_alive = encoder.keep_alive
                self._complete(encoder.status)
            elif not self._connection.writable:
                await self._connection.wait_writable()
            elif not data or self._leaving is not None or self._connection.transport.is_closing():
                await self._send_on(data)
        elif kind == "http.response.start" and self.state is _START:
            self._start(message)
        else:
            await self._take_extension(message)

    # What extensions of ASGI use.

    @property
    def connection(self) -> Connection:
        """The connection."""
        return self._connection

    @property
    def encoder(self) -> "Encoder | None":
        """What takes the body; None before the response has begun, and when it cannot go on."""
        return self._encoder if self.state is _BODY else None

    @encoder.setter
    def encoder(self, encoder: "Encoder") -> None:
        self._encoder = encoder

    async def changed(self) -> None:
        """Wait until something has happened to the exchange, or :meth:`wake` is called."""
        await self._wait()

    def wake(self) -> None:
        """Let those look again who wait."""
        self._wake()

    def complete(self) -> None:
        """Give the connection back: the last byte of the response has been given to the transport."""
        self.keep_alive = self._encoder.keep_alive
        self._complete(self._encoder.status)

    # What the pipeline calls.

    @property
    def departed(self) -> bool:
        """Whether the client has left, or has its response, or the server stops."""
        answering = self.state is _START or self.state is _BODY
        return not answering or self._leaving is not None or self._connection.context.draining

    def returned(self) -> None:
        """The application returned: fail the response if it is not complete."""
        if self._leaving is not None:
            self._leaving.stop()
        if self.state is _START or self.state is _BODY:
            stopping = self.state is _BODY and self._connection.context.draining
            if self._leaving is None and not stopping:  # who has been told of either may well give up
                request = describe(self.scope)
                logger.error("%s: the application returned without completing its response", request)
            self.failed()

    def failed(self) -> None:
        """The application raised: fail the response if it is not complete."""
        if self._leaving is not None:
            self._leaving.stop()
        if (self.state is _START or self.state is _BODY) and not self.refuse(500, "Internal Server Error"):
            self._connection.abort()  # the client must be able to tell that the response is incomplete

    def _take_body(self) -> Message:
        body = self._body
        data = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        if self._body_size > BODY_HIGH_WATER:
            self._connection.resume_reading()
        self._body_size = 0
        self._delivered = self._body_complete
        return {"type": "http.request", "body": data, "more_body": not self._body_complete}

    def _start(self, message: Message) -> None:
        context = self._connection.context
        headers = message.get("headers", ())
        try:
            self._encoder = self._new_encoder(
                self.request, message["status"], None, headers, context.default_fields
            )
        except ResponseError as error:
            raise ResponseError(start_complaint(message, error)) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ResponseError(start_complaint(message)) from error
        if not self.keep_alive or self._awaits_continue:
            self._encoder.keep_alive = False
        if message.get("trailers"):
            from hybrid.server.wire.fronted import TrailedEncoder

            self._encoder = TrailedEncoder(self._encoder, self.request)
        self.state = _BODY
        if self._leaving is not None:
            self._leaving.watch(self)

    # When the client leaves in the middle of a response, or wants nothing of it.

    async def _send_on(self, sent: object) -> None:
        """Let an application that only sends notice what it would never give the loop a chance to tell."""
        if self._connection.transport.is_closing():
            self.abandon()
            raise ClientDisconnected("the client has left")
        if not sent:
            await self._send_nothing()
        elif self._leaving is not None:
            self._leaving.note_sent()

    async def _send_nothing(self) -> None:
        """Let others go on: nothing holds up an application that sends a body which nobody gets, and it may
        have no end. A client that has all that it will get, and closes its direction, has left.
        """
        await asyncio.sleep(0)
        if self._leaving is not None and self.state is _BODY and not self._encoder.sends_body:
            self.keep_alive = self._encoder.keep_alive
            self._complete(self._encoder.status)
            self.state = State.LOST
            raise ClientDisconnected("the client has left")

    async def _wait_for_room(self, message: Message) -> None:
        """Wait before anything more is written: an application whose wait was cancelled, by a time-out of its
        own, may go on sending.
        """
        await self._connection.wait_writable()
        if self.state is not _BODY:
            await self._take_extension(message)  # which says what is the matter

    # What both have in common.

    async def _take_extension(self, message: Message) -> None:
        """Take a message that only some applications send, if it is one, and due."""
        from hybrid.server.extended import awaits_trailers, take

        kind = kind_of(message)
        answering = self.state is _START or self.state is _BODY
        taken = answering and await take(self, kind, message)
        if not taken and self.state is State.LOST:
            raise ClientDisconnected("the client has left")
        if not taken:
            due = "http.response.trailers is due" if awaits_trailers(self) else self.state.value
            raise ProtocolError(f"{kind!r} was sent, but {due}")
        if self.encoder is not None:
            await self._send_on(self.encoder.sends_body)
        if not self.done:
            await asyncio.sleep(0)  # what is dropped holds nothing up, and may have no end either

    def _complete(self, status: int) -> None:
        """The last byte of the response has been given to the transport."""
        self.state = _DONE
        tally: Any = self.tally
        if tally is not None:  # as _count() does, for every response
            self.tally = None
            if self.begun_at:  # as it always is where the route is not known yet
                tally = tally.known(self.scope)
                tally.time(self.begun_at)
            if status == 200:
                tally.ok += 1
            else:
                tally.count(status)
            tally.bytes_out += self._encoder.size
        if self._waiters is not None:
            self._wake()
        self._on_done()

    def _count(self, status: int, size: int, *, cut_off: bool = False) -> None:
        """It is over."""
        tally, self.tally = self.tally, None
        if tally is not None:
            known = tally.known(self.scope)
            known.end(status, size)
            known.cut_off += cut_off
            if self.begun_at:
                known.time(self.begun_at)

    def _count_cut_off(self) -> None:
        """It is over, and the response is not complete."""
        begun = self.state is _BODY and self._encoder.head_sent
        status, size = (self._encoder.status, self._encoder.sent) if begun else (CLIENT_LEFT, 0)
        self._count(status, size, cut_off=True)

    def _write_refusal(self, status: int, data: bytes) -> None:
        self._connection.write(data)

    async def _wait(self) -> None:
        waiter = self._connection.context.loop.create_future()
        self._waiters = [*(self._waiters or ()), waiter]
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)
