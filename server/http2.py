"""HTTP/2 on one connection: many exchanges, and WebSockets, side by side (RFC 9113, RFC 8441)."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from hybrid.server.connection import Connection, Handler
from hybrid.server.http11 import PATIENCE
from hybrid.server.ops.escape import format_client
from hybrid.server.streams.carrier import Carried
from hybrid.server.streams.connection import StreamConnection
from hybrid.server.streams.queue import SendQueue
from hybrid.server.streams.request import StreamRequest
from hybrid.server.streams.transport import StreamTransport
from hybrid.server.turnover import RequestCount
from hybrid.server.wire.http2.events import (
    BodyReceived,
    Event,
    PriorityChanged,
    RequestBegun,
    RequestRefused,
    RoomGained,
    StreamEnded,
)
from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode
from hybrid.server.wire.http2.priority import DEFAULT, LEAST_URGENT, Priority, parse_priority, shared
from hybrid.server.wire.http2.requests import Connect
from hybrid.server.wire.http2.session import Session
from hybrid.server.wire.http2.terms import Terms
from hybrid.server.wire.http11 import Request

logger = logging.getLogger("hybrid.server")

#: Bytes that are put together before they are given to the transport, which may then say that it is enough.
_BATCH: Final = 64 * 1024
#: Bytes that wait for a client that takes nothing, before nothing more is taken from it: heads, and what
#: answers its frames, are not held back by windows.
_MOST_UNSENT: Final = 256 * 1024
#: Bytes of what a read brings that are taken before it is looked at whether the client takes the answers.
_PART: Final = 32 * 1024
#: Seconds that a client may go on with a request that has been answered, as far as its window allows.
_LINGER_SECONDS: Final = 1.0
#: What is answered where nothing is known of the request but that it cannot be taken.
_UNKNOWN: Final = {method: Request(method, b"*", "2", []) for method in ("GET", "HEAD")}


class Http2(Handler):
    """HTTP/2 on one connection. Loop thread only.

    Each stream is a :class:`~hybrid.server.streams.connection.StreamConnection` with a protocol of its own.
    What they send in one turn of the loop goes out together; when the client, or a window, does not take all
    of it, those whose turn it is go first (RFC 9218).

    Args:
        connection: on which nothing has been said yet but what is given to :meth:`data_received`.
        count: counts the requests of the process; None where nobody asks.

    Attributes:
        session: the wire.
        backlog: bytes of bodies that wait on all streams together.
    """

    def __init__(self, connection: Connection, count: RequestCount | None = None) -> None:
        super().__init__(connection)
        self.backlog = 0
        context = self._context = connection.context
        config = context.config
        terms = Terms(config.http2_max_concurrent_streams, config.http2_initial_window_size, config.limits)
        self.session = Session(terms, connection.check_underscores, connection.check_scheme)
        self._streams: dict[int, StreamTransport] = {}
        self._queue: SendQueue[Carried] = SendQueue()
        self._count = count
        self._requests_left = config.limit_keep_alive_requests
        self._unheard: dict[int, float] = {}  # answered streams whose clients go on, and until when they may
        self._unread = b""  # what has come of a client that is not heard: at most what one read brings
        self._flush_due = False
        self._closing = False  # whether the connection closes with its last stream
        self._over = False  # whether nothing more is said, nor what the client says looked at
        self._leave_at: asyncio.TimerHandle | None = None
        self._deadline = context.deadline(config.timeout_headers)
        self._block_due: float | None = None  # while a header block is incomplete
        self._flush()

    def __repr__(self) -> str:
        state = "closing" if self._closing else "open"
        return f"<Http2 {state} {self.session!r} {len(self._queue)} waiting>"

    # What asyncio and the connection call.

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client, a part at a time: what is answered may be many times as large as what
        has come in one read, and who does not take it is not heard meanwhile.
        """
        if self._unread:
            self._unread += data
            return
        for start in range(0, len(data), _PART):
            if self._over:
                return
            self._take(data[start : start + _PART])
            if not self._connection.reading:
                self._unread = data[start + _PART :]
                return

    def _take(self, data: bytes) -> None:
        self._flush_due = True  # at the end of this
        try:
            for event in self.session.receive(data):
                self._act(event)
        except ConnectionFault as fault:
            self._fail(fault)
        self._flush()

    def _go_on(self) -> None:
        """Take what has come while the client was not heard."""
        if self._connection.reading and not self._connection.closed:
            data, self._unread = self._unread, b""
            self.data_received(data)

    def eof_received(self) -> bool:
        """Close: a client that closes its direction can open no window, and has left."""
        return False

    def resume_writing(self) -> None:
        """Send what waits, and hear the client again."""
        super().resume_writing()
        self._connection.resume_reading()
        if self._unread:
            self._context.loop.call_soon(self._go_on)  # asyncio cannot bear a close inside this call
        self.flush_soon()

    def disconnected(self) -> None:
        """Tell all who answer."""
        self._closing = True
        if self._leave_at is not None:
            self._leave_at.cancel()
        for stream in tuple(self._streams.values()):
            stream.lose()

    def tick(self, now: float) -> None:
        """Let each stream act on its deadlines, and end a connection that is idle."""
        self.session.tick()
        for connection in self.carried:
            connection.tick(now)
        if self._unheard:
            self._hush(now)
        if self._is_late(now):
            self._fail(ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame did not come in time"))
        elif self._streams or now < self._deadline:
            return
        self._leave()
        self._flush()

    def _is_late(self, now: float) -> bool:
        """Whether the client has begun something on which everything else waits, and does not go on."""
        if self.session.awaits_block and self._connection.reading:
            if self._block_due is None:
                self._block_due = now + self._context.config.timeout_headers
            return now >= self._block_due
        self._block_due = None
        return not self._streams and not self.session.idle and now >= self._deadline

    @property
    def lasting(self) -> Sequence[Connection]:
        """The streams that are WebSockets."""
        return [connection for connection in self.carried if connection.lasting]

    def end_response(self) -> bool:
        """Tell applications that go on answering that they should end; whether there is any."""
        told = [connection.end_response() for connection in self.carried]
        return any(told)

    def drain(self) -> None:
        """Take no new requests, let those in flight be answered, and close.

        Requests may be on their way. A client that is told at once which was the last sends them again,
        elsewhere; where there is time, they are still taken (RFC 9113 section 6.8). WebSockets are closed by
        whoever asked for :attr:`lasting`, each in its turn, and when there is no time.
        """
        for connection in self.carried:
            if not (self._context.patient and connection.lasting):
                connection.drain()
        if self._context.patient and not self._closing and self._leave_at is None:
            self.session.leave(soon=True)
            self._leave_at = self._context.loop.call_later(PATIENCE, self._leave_now)
            self.flush_soon()
        elif not self._context.patient:
            self._leave_now()

    # What the streams call.

    @property
    def free(self) -> bool:
        """Whether a stream may send at once: nobody waits for a turn, and the client takes what comes."""
        return not self._queue and self._connection.writable

    @property
    def left(self) -> bool:
        """Whether the client is known to have left, or is being left."""
        return self._connection.transport.is_closing()

    def schedule(self, stream: Carried) -> None:
        """Send what a stream has: at once if nobody else waits, and in its turn otherwise."""
        if not stream.waits:  # nothing but the end, which needs no room
            stream.send_part()
        elif self._queue or not self._connection.writable or self._is_left(stream):
            self._queue.add(stream, stream.stream.number, stream.priority)
        if self.session.unsent >= _BATCH:
            # Now: who goes on writing would never let the loop tell that the client has had enough, or left.
            self._connection.write(self.session.take_output())
        self.flush_soon()

    def _is_left(self, stream: Carried) -> bool:
        """Let a stream send at once; whether more waits."""
        try:
            return stream.send_part()
        except ConnectionFault:  # which comes again, with nobody on the stack who still writes
            return True

    def flush_soon(self) -> None:
        """Send what there is at the end of this turn of the loop, together with what others have by then."""
        if not self._flush_due:
            self._flush_due = True
            self._context.loop.call_soon(self._flush)

    def prioritize(self, stream: Carried, field: bytes) -> None:
        """Let the application say what the client has not, or not well (RFC 9218 section 8)."""
        stream.priority = parse_priority(field, stream.priority)
        self._queue.change(stream, stream.priority)

    def ended(self, stream: Carried) -> None:
        """A stream is over, but for what the client still sends on it."""
        number = stream.stream.number
        self._streams.pop(number, None)
        if number in self.session.streams:
            self._unheard[number] = self._context.deadline(_LINGER_SECONDS)
        self._queue.discard(stream)
        if not self._streams:
            self._deadline = self._context.idle_deadline
            if self._closing:
                self.flush_soon()

    @property
    def carried(self) -> list[StreamConnection]:
        """The connections of all streams, some of which may end while they are looked at."""
        return [stream.connection for stream in self._streams.values()]

    # From the client.

    def _act(self, event: Event) -> None:
        match event:
            case BodyReceived():
                stream = self._streams.get(event.stream)
                if stream is not None:
                    stream.received(event)
            case RoomGained():
                self._wake(event.stream)
            case RequestBegun():
                self._begin(event)
            case StreamEnded():
                self._end(event)
            case PriorityChanged():
                self._reprioritize(event.stream, event.priority)
            case RequestRefused():
                self._refuse(event)

    def _open(self, number: int, request: Request, base: Priority = DEFAULT) -> StreamRequest:
        """Make a connection of a stream, and return what speaks on it."""
        websocket = type(request) is Connect
        priority = parse_priority(request.fields.get(b"priority", b""), base)
        if websocket:
            priority = shared(priority)
        stream = StreamTransport(
            self, self.session.streams[number], request.method, priority, websocket=websocket
        )
        connection = stream.connection = StreamConnection(self._connection, stream, self.session.abandoned)
        self._streams[number] = stream
        if number & 1 and self.session.peer.takes_pushes:
            connection.push = partial(self._push, stream)
        handler = StreamRequest(connection)
        connection.begin(handler)
        return handler

    def _begin(self, event: RequestBegun) -> None:
        self._requests_left -= 1
        self._count_one()
        handler = self._open(event.stream, event.request)
        if event.priority is not None:
            self._reprioritize(event.stream, event.priority)
        handler.begin(event.request, body_complete=event.ended)

    def _refuse(self, event: RequestRefused) -> None:
        """Answer in place of an application. It counts for the connection, which one of HTTP/1.1 would be the
        end of, and not for the process, as there.
        """
        request = _UNKNOWN["HEAD" if event.error.line.startswith(b"HEAD ") else "GET"]
        self._open(event.stream, request).refuse(request, event.error)
        self._requests_left -= 1
        if not self._requests_left:
            self._leave()

    def _count_one(self) -> None:
        enough = self._count is not None and self._count.add()
        if enough or not self._requests_left:
            self._leave()

    def _push(self, stream: StreamTransport, request: Request, block: bytes) -> None:
        """Answer a request that the client has not made, beside the one of a stream, if the client lets it.

        It is less urgent than the response that it belongs to, and would else come first by its number.
        """
        over = self._closing or not stream.stream.local_open
        promised = None if over else self.session.promise(stream.stream, block)
        if promised is not None:
            self._count_one()
            urgency, incremental = stream.priority
            base = Priority(min(urgency + 1, LEAST_URGENT), incremental)
            self._open(promised.number, request, base).begin(request, body_complete=True)
            self.flush_soon()

    def _end(self, event: StreamEnded) -> None:
        if event.fault is not None:
            client = format_client(self._connection.client)
            logger.info("%s - stream %d refused: %s", client, event.stream, str(event.fault))
        stream = self._streams.get(event.stream)
        if stream is not None:
            stream.lose()

    def _reprioritize(self, number: int, priority: Priority) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            stream.priority = shared(priority) if stream.can_write_eof() else priority
            self._queue.change(stream, stream.priority)

    def _wake(self, number: int) -> None:
        """Let those send again whose windows were closed: one stream, or all."""
        streams = self._streams.values() if not number else (self._streams.get(number),)
        for stream in streams:
            if stream is not None and stream.waits and stream.stream.window > 0:
                self._queue.add(stream, stream.stream.number, stream.priority)

    def _hush(self, now: float) -> None:
        """Tell clients to stop that go on sending what nobody wants (RFC 9113 section 8.1). Those that stop
        by themselves are spared it: not all can tell it from an error that concerns the response.
        """
        for number, deadline in tuple(self._unheard.items()):
            if number not in self.session.streams or now >= deadline:
                del self._unheard[number]
                if number in self.session.streams:
                    self.session.reset(number, ErrorCode.NO_ERROR)
        self.flush_soon()

    # To the client.

    def _flush(self) -> None:
        """Send what is due, in turns, as far as the client takes it."""
        self._flush_due = True
        connection, session = self._connection, self.session
        try:
            self._send_parts()
        except ConnectionFault as fault:
            self._fail(fault)
        connection.write(session.take_output())
        self._flush_due = False
        if not connection.writable and connection.transport.get_write_buffer_size() > _MOST_UNSENT:
            connection.pause_reading()  # until it has taken nearly all
        if self._closing and not self._streams:
            self._over = True
            connection.close_after_response()

    def _send_parts(self) -> None:
        """Let those send whose turn it is. Who waits for the connection's window stays in the queue."""
        connection, queue, session = self._connection, self._queue, self.session
        sent = 0
        while connection.writable and session.window > 0 and (stream := queue.next()) is not None:
            before = session.window
            if not stream.send_part():
                queue.discard(stream)
            sent += before - session.window
            if sent >= _BATCH:
                connection.write(session.take_output())
                sent = 0

    # The end.

    def _leave_now(self) -> None:
        self._leave_at = None
        self._leave()
        self.flush_soon()

    def _leave(self) -> None:
        """Take no more requests, and close when those that there are have been answered."""
        if not self._closing:
            self._closing = True
            self.session.leave()

    def _fail(self, fault: ConnectionFault) -> None:
        """The client has broken the protocol: say so, and close."""
        logger.info("%s - refused: %s", format_client(self._connection.client), str(fault))
        self.session.leave(fault.code, fault.reason)
        self._closing = self._over = True
        for stream in tuple(self._streams.values()):
            stream.lose()
