"""A WebSocket on a connection, and the ASGI call that answers it (RFC 6455, ASGI WebSocket spec 2.5)."""

import asyncio
import enum
import logging
import struct
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import Message, Receive, Scope
from hybrid.server.connection import Connection, Handler
from hybrid.server.messages import kind_of
from hybrid.server.ops.metrics.socket_tally import UNREAD
from hybrid.server.pipeline import describe
from hybrid.server.websocket.inbox import Inbox
from hybrid.server.websocket.keepalive import Keepalive
from hybrid.server.websocket.opening import Opening
from hybrid.server.websocket.outgoing import encode_message
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import DefaultFields, ResponseEncoder
from hybrid.server.wire.websocket.close_codes import CloseCode
from hybrid.server.wire.websocket.events import Close, Event, Ping, Pong, WebSocketError
from hybrid.server.wire.websocket.frames import Opcode, encode_close, encode_frame
from hybrid.server.wire.websocket.handshake import Handshake
from hybrid.server.wire.websocket.parser import FrameParser

logger = logging.getLogger("hybrid.server")

#: Seconds for the client to answer our close frame, and to read what is still to be sent.
CLOSE_TIMEOUT: Final = 10.0

#: Bytes of a client's control frame besides its payload.
_CONTROL_HEADER: Final = 6


class State(enum.Enum):
    """Where a WebSocket is, and what the application may send there."""

    CONNECTING = "websocket.accept, websocket.close or websocket.http.response.start is due"
    DENYING = "websocket.http.response.body is due"
    OPEN = "websocket.send or websocket.close is due"
    CLOSING = "the connection is closing"
    CLOSED = "the connection is closed"


#: Looked at with every message; an enum's own attribute takes CPython 3.11 three times as long.
_OPEN: Final = State.OPEN


class WebSocket(Handler):
    """One WebSocket: a protocol handler to its connection, an ASGI call to its application. Loop thread only.

    What a connection can hold is bounded: one message of ``ws_max_size``, incomplete or waiting for the
    application, and what :class:`~hybrid.server.websocket.inbox.Inbox` and the transport's high-water mark
    allow.

    Attributes:
        scope: the ASGI ``websocket`` scope.
        state: where the connection is.
        tally: what counts it, while it is open.
    """

    task: asyncio.Task[None]  # of the application's call
    _opening: Opening  # until the handshake is granted

    _new_encoder: Callable[..., ResponseEncoder] = ResponseEncoder
    _encode: Callable[[Message], bytes] = staticmethod(encode_message)

    def __init__(
        self,
        connection: Connection,
        request: Request,
        handshake: Handshake,
        scope: Scope,
    ) -> None:
        super().__init__(connection)
        config = connection.context.config
        self.scope = scope
        self.state = State.CONNECTING
        self._opening = Opening(request, handshake)
        self._parser = FrameParser(config.ws_max_size)
        self._inbox = Inbox(connection, config.ws_max_queue, {"type": "websocket.connect"})
        self._late_pong: bytes | None = None  # the last ping's payload, if its pong could not be sent at once
        self._closed_by_application = False
        self._keepalive: Keepalive | None = None  # of an open WebSocket
        self.tally = UNREAD
        # For an answer to the handshake, and then for the end.
        patience = config.ws_handshake_timeout
        self._deadline = connection.context.deadline(patience) if patience else inf

    def __repr__(self) -> str:
        return f"<WebSocket {self.state.name} {self.scope['path']!r} {self._inbox!r}>"

    # What the connection calls.

    @property
    def lasting(self) -> Sequence[Connection]:
        """The connection: its client stays."""
        return (self._connection,)

    @property
    def call(self) -> "asyncio.Task[None] | None":
        """The application's call; None before there is one, and where there is no room for it."""
        return getattr(self, "task", None)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self.state is _OPEN:
            self._inbox.count(len(data))
            self.tally.bytes_in += len(data)
            take = self._take
        elif self.state is State.CLOSING:
            take = self._take_while_closing
        else:
            self._receive_early(data)
            return
        try:
            take(self._parser.feed(data))
        except WebSocketError as error:
            take(error.events)
            if error.events:  # the application may still answer those, if it need not wait for anything
                self._connection.context.loop.call_soon(self._fail, error.code, error.reason)
            else:
                self._fail(error.code, error.reason)

    def eof_received(self) -> bool:
        """End: a client that closes its direction without a close frame has left."""
        self._end(CloseCode.ABNORMAL)
        return False

    def disconnected(self) -> None:
        """Tell the application; 1006 unless a close code came first."""
        self._end(CloseCode.ABNORMAL)

    def tick(self, now: float) -> None:
        """Send a pong that had to wait, ping, and end what has taken too long."""
        if self._late_pong is not None and self._connection.writable:
            self._connection.write(encode_frame(Opcode.PONG, self._late_pong))
            self._late_pong = None
        keepalive = self._keepalive
        if now >= self._deadline:
            self._overdue()
        elif keepalive is not None and now >= keepalive.due and self.state is _OPEN:
            if not keepalive.look(self._connection, self._inbox, now):
                self._lose()

    def drain(self) -> None:
        """Close with 1012; a handshake that has not been answered is refused with 503."""
        if self.state is State.CONNECTING:
            self._refuse(503, "the server is stopping")
        elif self.state is State.OPEN:
            self.hang_up(CloseCode.SERVICE_RESTART, "the server is stopping")

    def hang_up(self, code: int, reason: str) -> None:
        """Close an open WebSocket in the application's place, and tell it so."""
        self._close(code, reason)
        self._disconnect(code, reason)

    def turn_away(self, code: int, reason: str) -> None:
        """Grant the handshake and close at once, in the application's place: a script in a browser is told
        neither status nor reason of one that is refused.
        """
        offered = self.scope["subprotocols"]
        self._accept({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
        if self.state is State.OPEN:  # it may have sent a close frame with its handshake
            self.hang_up(code, reason)

    # What the application calls.

    @property
    def receive(self) -> Receive:
        """What the application receives with."""
        return self._inbox.receive

    async def send(self, message: Message) -> None:
        """Take an ASGI message, and wait while the client reads too slowly.

        Raises:
            ClientDisconnected: the client has left, or the server is closing the connection.
            ProtocolError: the message is not allowed here, or does not have what it must have.
        """
        try:
            kind = message["type"]
        except (KeyError, TypeError):
            kind = None  # of which kind_of() tells
        connection = self._connection
        transport = connection.transport
        if self.state is _OPEN and kind == "websocket.send":
            if not connection.writable:
                await self._wait_for_room()
            frame = self._encode(message)
            transport.write(frame)
            tally = self.tally
            tally.messages_out += 1
            tally.bytes_out += len(frame)
        else:
            if self.state is State.DENYING:
                await connection.wait_writable()  # before the next part, as above
            if not self._send_rarely(message):
                return
        if not connection.writable:
            self.tally.slow += kind == "websocket.send"
            await connection.wait_writable()
        elif transport.is_closing() and self.state is _OPEN:
            # Now: an application that only sends would never let the loop tell us.
            self._end(CloseCode.ABNORMAL)
            raise ClientDisconnected("the client has left")

    async def _wait_for_room(self) -> None:
        """Wait until the client reads on; a message whose ``send()`` is given up meanwhile is not kept.

        Raises:
            ClientDisconnected: the WebSocket was closed meanwhile, by whomever: when this began, it was open.
        """
        self.tally.slow += 1
        await self._connection.wait_writable()
        if self.state is not _OPEN:
            raise ClientDisconnected("the WebSocket is closed")

    def _send_rarely(self, message: Message) -> bool:
        """Take a message that opens or ends the connection; whether to wait for the client to read it."""
        kind = kind_of(message)
        match self.state, kind:
            case State.CONNECTING, "websocket.accept":
                self._accept(message)
                return True
            case State.CONNECTING, "websocket.close":
                self._closed_by_application = True
                self._refuse(403, "Forbidden")
                return False
            case State.CONNECTING, "websocket.http.response.start":
                self._deny(message)
                return False
            case State.DENYING, "websocket.http.response.body":
                return self._send_denial(message)
            case State.OPEN, "websocket.close":
                self._close_with(message)
                return False
            case ((State.CLOSING | State.CLOSED), _) if not self._closed_by_application:
                raise ClientDisconnected("the WebSocket is closed")
            case _:
                raise ProtocolError(f"{kind!r} was sent, but {self.state.value}")

    # What the pipeline calls.

    @property
    def departed(self) -> bool:
        """Whether the client has left, or the connection is being closed."""
        return self.state in (State.CLOSING, State.CLOSED)

    def returned(self) -> None:
        """The application returned: close with 1000 what it left open; the handshake must be answered."""
        if self.state is State.OPEN:
            self._close(CloseCode.NORMAL)
        elif self.state in (State.CONNECTING, State.DENYING):
            logger.error("%s: the application returned without answering the handshake", describe(self.scope))
            self._give_up_handshake()

    def failed(self) -> None:
        """The application raised: close with 1011, or refuse the handshake with 500."""
        if self.state is State.OPEN:
            self._close(CloseCode.INTERNAL_ERROR, "the application failed")
        elif self.state in (State.CONNECTING, State.DENYING):
            self._give_up_handshake()

    # Opening.

    @property
    def _default_fields(self) -> DefaultFields:
        return self._connection.context.default_fields

    def _receive_early(self, data: bytes) -> None:
        """Keep what the client says before it may; after a refusal nobody wants it."""
        if self.state is State.CONNECTING:
            self._opening.early += data
            self._connection.pause_reading()

    def _accept(self, message: Message) -> None:
        response = self._opening.accept(message, self._default_fields)
        self._log_open(response)
        self._connection.write(response)
        self.state = State.OPEN
        self.tally.opened += 1
        self._deadline = inf
        self._keepalive = Keepalive.of(self._connection)
        early = self._opening.early
        del self._opening  # an open WebSocket has no use for it, and there may be many
        if early:
            self._connection.resume_reading()
            self.data_received(early)

    def _deny(self, message: Message) -> None:
        self._opening.deny(message, self._default_fields, self._new_encoder)
        self.state = State.DENYING

    def _send_denial(self, message: Message) -> bool:
        self._connection.write(self._opening.deny_part(message))
        more: bool = message.get("more_body", False)
        self._deadline = inf
        if not more:
            self._closed_by_application = True
            assert self._opening.refusal is not None
            self._refused(self._opening.refusal.status, b"")
        return more

    def _refuse(self, status: int, reason: str) -> None:
        data = self._opening.refuse(status, reason, self._default_fields)
        self._connection.write(data)
        self._refused(status, data)

    def _refused(self, status: int, data: bytes) -> None:
        self._log_refused(status, data)
        self.tally.refused[status] += 1
        self._end(CloseCode.ABNORMAL)
        self._connection.close_after_response()

    def _give_up_handshake(self) -> None:
        if self._opening.interrupted:
            self._end(CloseCode.ABNORMAL)
            self._connection.abort()  # the client must be able to tell that the response is incomplete
        else:
            self._refuse(500, "Internal Server Error")

    def _overdue(self) -> None:
        """Answer the handshake in place of an application that does not, or cut off a client that does not
        let the connection close.
        """
        if self.state not in (State.CONNECTING, State.DENYING):
            self._connection.abort()
            return
        context = self._connection.context
        patience = context.config.ws_handshake_timeout
        name = describe(self.scope)
        logger.warning("%s: the application has not answered the handshake within %g s: 504", name, patience)
        context.limits_hit["ws_handshake_timeout"] += 1
        self._refuse(504, "Gateway Timeout")

    def note_application(self, application: object) -> None:
        """Say what answers, which is of interest to the log alone."""

    def _log_open(self, response: bytes) -> None:
        """The handshake is answered with this."""

    def _log_refused(self, status: int, data: bytes) -> None:
        """It is refused with this, or with a response of the application's."""

    # Open.

    def _take(self, events: list[Event]) -> None:
        """Pass messages on, answer pings, and act on a close frame, after which there is nothing."""
        pings: list[bytes] = []
        for event in events:
            if isinstance(event, (str, bytes)):
                self._inbox.put(event)
                self.tally.messages_in += 1
            elif isinstance(event, Ping):
                pings.append(event.payload)
                self._inbox.discount(_CONTROL_HEADER + len(event.payload))
            elif isinstance(event, Pong):
                self._inbox.discount(_CONTROL_HEADER + len(event.payload))
                if self._keepalive is not None and self._keepalive.pong(event.payload):
                    self.tally.answered(self._keepalive.rtt or 0.0)
            else:
                self._answer(pings)
                self._peer_closed(event)
                return
        if pings:
            self._answer(pings)

    def _take_while_closing(self, events: list[Event]) -> None:
        """Wait for the close frame; what comes before it is too late (section 5.5.1)."""
        for event in events:
            if isinstance(event, Close):
                self._peer_closed(event)

    def _answer(self, pings: list[bytes]) -> None:
        """Answer pings; a client that does not read gets the last pong only, and later (section 5.5.3)."""
        if self._connection.writable:
            self._connection.write(b"".join(encode_frame(Opcode.PONG, payload) for payload in pings))
            self._late_pong = None
        elif pings:
            self._late_pong = pings[-1]

    # Closing.

    def _close_with(self, message: Message) -> None:
        code = message.get("code", CloseCode.NORMAL)
        try:
            self._close(CloseCode.NORMAL if code is None else code, message.get("reason") or "")
        except (AttributeError, TypeError, ValueError, struct.error) as error:
            raise ProtocolError(f"websocket.close: {error}") from error
        self._closed_by_application = True

    def _close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake (section 7.1.2); the client's answer is waited for."""
        self._connection.write(encode_close(code, reason))
        self._count_close(code)
        self._start_closing()
        self._connection.resume_reading()

    def _peer_closed(self, close: Close) -> None:
        """The client begins the closing handshake, or completes ours; the server closes first (7.1.1)."""
        if self.state is State.OPEN:
            self._connection.write(encode_close(None if close.code == CloseCode.NO_STATUS else close.code))
        self._end(close.code, close.reason)
        self._connection.close()

    def _fail(self, code: int, reason: str) -> None:
        """Fail the connection (section 7.1.7): say why, listen no more."""
        if self.state is State.CLOSED:
            return
        if self.state is State.OPEN:
            self._connection.write(encode_close(code, reason))
        self._end(code, reason)
        self._connection.close_after_response()

    def _lose(self) -> None:
        """Close the connection of a client that has not answered a ping; its answer to that is not waited for
        either.
        """
        context = self._connection.context
        context.limits_hit["ws_ping_timeout"] += 1
        reason = "keepalive ping timeout"
        self._close(CloseCode.INTERNAL_ERROR, reason)
        self._end(CloseCode.INTERNAL_ERROR, reason)
        self._connection.close()

    def _start_closing(self) -> None:
        self.state = State.CLOSING
        self._late_pong = None
        self._deadline = self._connection.context.deadline(CLOSE_TIMEOUT)

    def _end(self, code: int, reason: str = "") -> None:
        """Nothing more is said on this connection, and all that was sent must be read within the deadline."""
        if self.state is State.OPEN:
            self._count_close(code)
        if self.state is not State.CLOSING:
            self._start_closing()
        self.state = State.CLOSED
        self._disconnect(code, reason)

    def _count_close(self, code: int) -> None:
        """It was open, and is not any more."""
        tally, self.tally = self.tally, UNREAD
        tally.close(int(code))

    def _disconnect(self, code: int, reason: str) -> None:
        self._inbox.end({"type": "websocket.disconnect", "code": int(code), "reason": reason})
