"""One HTTP request and its response as an ASGI application sees them (ASGI HTTP specification 2.5)."""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum, auto

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import Message, Scope
from hybrid.server.connection import Connection
from hybrid.server.ops import access_log
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import CONTINUE, ResponseEncoder, refusal

logger = logging.getLogger("hybrid.server")

#: Bytes of request body that wait for the application before reading from the socket pauses.
BODY_HIGH_WATER = 64 * 1024



class _State(Enum):
    """Where the response is; each ASGI message is allowed in one of them."""

    START = auto()  # http.response.start is due
    BODY = auto()  # http.response.body is due
    DONE = auto()
    LOST = auto()  # nobody is there to read it


class Exchange:
    """One HTTP request and its response as an ASGI application sees them. Loop thread only.

    The owner gives it the body as it comes; the application takes it with :meth:`receive`, and answers with
    :meth:`send`.
    """

    __slots__ = (
        "_body", "_body_complete", "_body_size", "_continue_due", "_delivered", "_encoder", "_gone", "_on_done", "_state",
        "_waiter", "connection", "request", "scope", "task",
    )  # fmt: skip

    def __init__(self, connection: Connection, request: Request, scope: Scope, on_done: Callable[[], object]) -> None:
        self.connection = connection
        self.request = request
        self.scope = scope
        self.task: asyncio.Task[None] | None = None
        self._on_done = on_done
        self._encoder = ResponseEncoder(request.method, request.http_version, keep_alive=request.keep_alive)
        self._state = _State.START
        self._body: list[bytes] = []
        self._body_size = 0
        self._body_complete = False
        self._delivered = False  # whether the application has had the message with more_body=False
        self._continue_due = request.expects_continue
        self._gone = False  # whether the client sends nothing any more
        self._waiter: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<Exchange {self.request!r} response {self._state.name} {self._encoder!r}>"

    # What the owner calls.

    def feed(self, data: bytes) -> None:
        """Take a part of the request body; too much of it pauses the socket."""
        if data and self._state is not _State.DONE:
            self._body.append(data)
            self._body_size += len(data)
            if self._body_size > BODY_HIGH_WATER:
                self.connection.pause_reading()
            self._wake()

    def feed_eof(self) -> None:
        """The request body is complete."""
        self._body_complete = True
        self._continue_due = False
        self._wake()

    def disconnect(self) -> None:
        """The client has left, or will send nothing more; ``receive()`` says so from here on."""
        self._gone = True
        self._wake()

    @property
    def awaits_continue(self) -> bool:
        """Whether the client may hold the body back because it was never told to go on."""
        return self._continue_due

    def refuse(self, status: int, reason: str) -> bool:
        """Answer in the application's place; False when its own response has begun."""
        if self._encoder.head_sent:
            return False
        self.connection.write(refusal(self._encoder, status, reason, self.connection.context.default_fields))
        self._complete()
        return True

    def close_after(self) -> None:
        """Let this be the connection's last exchange; a head that has been sent already does not say so."""
        self._encoder.keep_alive = False

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request: nothing more can be sent."""
        if self._state is not _State.DONE:
            self._state = _State.LOST
        self.disconnect()

    @property
    def done(self) -> bool:
        """Whether the response is complete."""
        return self._state is _State.DONE

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may go on after this exchange."""
        return self._encoder.keep_alive

    # What the application calls.

    async def receive(self) -> Message:
        """Return the next ASGI event: a part of the body, or ``http.disconnect``."""
        while not (self._body or self._body_complete or self._gone or self._state is _State.DONE):
            if self._continue_due:
                self._continue_due = False
                self.connection.write(CONTINUE)
            await self._wait()
        if self._delivered:
            while not self._gone and self._state is not _State.DONE:
                await self._wait()
        if self._delivered or self._state is _State.DONE or not (self._body or self._body_complete):
            return {"type": "http.disconnect"}
        return self._take_body()

    async def send(self, message: Message) -> None:
        """Take the next ASGI message, and wait while the client reads too slowly.

        Raises:
            ClientDisconnected: the client has left.
            ProtocolError: the message is not allowed here.
            ResponseError: it would break the framing, or inject a header field.
        """
        kind = message["type"]
        if kind == "http.response.body" and self._state is _State.BODY:
            self._send_body(message.get("body", b""), message.get("more_body", False))
            if not self.connection.writable:
                await self.connection.wait_writable()
        elif kind == "http.response.start" and self._state is _State.START:
            self._send_start(message)
        elif self._state is _State.LOST:
            raise ClientDisconnected("the client has left")
        else:
            raise ProtocolError(self._complaint(kind))

    # What the pipeline calls.

    def returned(self) -> None:
        """The application returned: fail the response if it is not complete."""
        if self._state in (_State.START, _State.BODY):
            logger.error("%s: the application returned without completing its response", self.request)
            self._fail()

    def failed(self) -> None:
        """The application raised: fail the response if it is not complete."""
        if self._state in (_State.START, _State.BODY):
            self._fail()

    def _fail(self) -> None:
        if self.refuse(500, "Internal Server Error"):
            self._on_done()
        else:
            self.connection.abort()  # the client must be able to tell that the response is incomplete

    def _take_body(self) -> Message:
        data = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._body_size = 0
        self.connection.resume_reading()
        self._delivered = self._body_complete
        return {"type": "http.request", "body": data, "more_body": not self._body_complete}

    def _send_start(self, message: Message) -> None:
        headers = message.get("headers", ())
        try:
            self._encoder.start(message["status"], None, headers, self.connection.context.default_fields)
        except (TypeError, ValueError) as error:
            raise ResponseError(f"http.response.start: headers must be pairs of bytes, not {headers!r}") from error
        self._state = _State.BODY

    def _send_body(self, data: bytes, more: bool) -> None:
        self.connection.write(self._encoder.encode(data, more))
        if not more:
            self._complete()
            self._on_done()

    def _complete(self) -> None:
        self._state = _State.DONE
        self._wake()
        if self.connection.context.config.access_log:
            access_log.log_request(self.scope, self.request.target, self._encoder.status)

    def _complaint(self, kind: str) -> str:
        expected = {
            _State.START: "http.response.start is due",
            _State.BODY: "http.response.body is due",
            _State.DONE: "the response is complete",
        }
        return f"{kind!r} was sent, but {expected[self._state]}"

    async def _wait(self) -> None:
        self._waiter = self.connection.context.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
