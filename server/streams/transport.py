"""A stream of an HTTP/2 connection as an asyncio transport."""

import logging
from collections import deque
from typing import Any, Final

from hybrid.server.streams.carrier import Carrier
from hybrid.server.streams.incoming import Incoming
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http2.frames import ErrorCode
from hybrid.server.wire.http2.parts import End, Head, Part, Trailers
from hybrid.server.wire.http2.priority import Priority
from hybrid.server.wire.http2.responses import ResponseReader
from hybrid.server.wire.http2.stream import Stream

logger = logging.getLogger("hybrid.server")

#: Bytes that wait for a window, or for their turn, before who writes has to wait; and how few before it goes
#: on.
_HIGH_WATER: Final = 64 * 1024
_LOW_WATER: Final = 16 * 1024
#: Bytes that wait on all streams of a connection together before everybody has to wait who has anything
#: waiting: by leaving windows closed a client could have a hundred times the high-water mark kept.
_MOST_WAITING: Final = 1024 * 1024
#: Bytes of a frame that is small because the client's window is.
_SMALL: Final = 256


class StreamTransport(Incoming):
    """Bytes written here are an HTTP/1.1 response message, or several with interim ones before it; what they
    mean is sent as HEADERS and DATA frames (RFC 9113 section 8.1). After ``101 Switching Protocols`` they are
    sent as they are, as are those of the client to whoever speaks on the stream. Loop thread only.

    So there is one encoder of responses for both versions of HTTP, with one set of checks, and whatever can
    answer on a connection can answer on a stream. What waits here is bounded as on a socket: above the
    high-water mark the protocol is told to pause, and sooner while much waits on all streams together. What
    the client sends is the matter of the base class.

    Args:
        carrier: the handler of the connection.
        stream: the stream.
        method: the request's, which decides what a response has (RFC 9110 section 6.4.1).
        priority: which of the waiting responses goes first.
        websocket: whether the request asks for a WebSocket.
    """

    __slots__ = (
        "_closing", "_ended", "_open", "_paused", "_pending", "_reader", "_size", "_trailers", "_websocket",
    )  # fmt: skip

    def __init__(
        self, carrier: Carrier, stream: Stream, method: str, priority: Priority, *, websocket: bool
    ) -> None:
        super().__init__(carrier, stream)
        self.priority = priority
        self._websocket = websocket
        self._open = False  # whether it is a WebSocket, open: what is written is what is sent
        self._reader = ResponseReader(method, websocket=websocket)
        self._pending: deque[bytes | memoryview] = deque()
        self._size = 0
        self._trailers = b""
        self._ended = False  # whether all there will be is pending
        self._closing = False
        self._paused = False  # whether the protocol has been told to write no more

    def __repr__(self) -> str:
        state = "closed" if self._carrier is None else "closing" if self._closing else "open"
        return f"<StreamTransport {state} {self.stream!r} pending={self._size}>"

    # What the carrier calls.

    @property
    def waits(self) -> bool:
        """Whether there is something to send that needs room in the windows."""
        return bool(self._pending)

    @property
    def progress(self) -> tuple[int, ...] | None:
        """What changes when the client takes something; None where it is not to blame: nothing waits, or it
        waits for its turn.
        """
        carrier = self._carrier
        if carrier is None or not self._pending:
            return None
        if self.stream.window <= 0:
            return self._size, self.stream.window
        # Of what it gives for all streams, others may have had everything.
        return (carrier.session.given,) if carrier.session.window <= 0 else None

    def send_part(self) -> bool:
        """Send what a frame takes, if the windows allow; whether more waits that the stream's window allows.

        Raises:
            ConnectionFault: the client has us send its response in crumbs.
        """
        carrier = self._carrier
        if carrier is None:
            return False
        session, stream, pending = carrier.session, self.stream, self._pending
        if pending:
            room = session.room(stream)
            if room <= 0:
                return stream.window > 0
            data = pending[0]
            size = len(data)
            if size <= room:
                pending.popleft()
            else:
                if room < _SMALL:
                    session.squeeze()
                view = memoryview(data)
                pending[0] = view[room:]
                data, size = view[:room], room
            self._size -= size
            carrier.backlog -= size
            if not pending and self._ended and not self._trailers:
                session.send_data(stream, data, end=True)
                self._all_sent()
                return False
            session.send_data(stream, data, end=False)
            if pending:
                self._may_resume(carrier)
                return stream.window > 0
        if self._ended and stream.local_open:
            if self._trailers:
                session.send_head(stream, self._trailers, end=True)
            else:
                session.send_data(stream, b"", end=True)
            self._all_sent()
        else:
            self._may_resume(carrier)
        return False

    def lose(self, *, soon: bool = False) -> None:
        """Nothing more can be said or heard on the stream.

        Args:
            soon: whether the protocol is told in another turn of the loop, as with sockets.
        """
        carrier = self._carrier
        if carrier is None:
            return
        self._drop_held()
        self._carrier = None
        self._closing = True
        self._pending.clear()
        carrier.backlog -= self._size
        self._size = 0
        protocol, self._protocol = self._protocol, None
        call_soon = self.connection.context.loop.call_soon if soon and protocol is not None else None
        del self.connection  # which has this: together they would wait for the garbage collector
        carrier.ended(self)
        if protocol is None:
            return
        if call_soon is not None:
            call_soon(protocol.connection_lost, None)
        else:
            protocol.connection_lost(None)

    def _all_sent(self) -> None:
        """The response has ended."""
        if self._closing:
            self._finish()
        elif self._carrier is not None:
            self._may_resume(self._carrier)

    def _finish(self) -> None:
        """Lose the stream from this side. The protocol may just be writing, or be in the middle of what it
        has been given; one request is over then, but a WebSocket need not have expected that.
        """
        self.lose(soon=self._websocket)

    def _may_resume(self, carrier: Carrier) -> None:
        if self._paused and self._size <= (_LOW_WATER if carrier.backlog <= _MOST_WAITING else 0):
            self._paused = False
            if self._protocol is not None:
                self._protocol.resume_writing()

    # What asyncio's transports do.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the default: what is known of the connection is with the connection."""
        return default

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        carrier = self._carrier
        return self._closing or carrier is None or carrier.left

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or keep, bytes of a response."""
        carrier = self._carrier
        if carrier is None or self._closing:
            return
        if self._open:
            if self._ended:
                return
            self._pending.append(bytes(data))
            self._size += len(data)
            carrier.backlog += len(data)
        else:
            try:
                parts = self._reader.feed(bytes(data))
            except ResponseError as error:  # of an application that speaks on its own socket
                logger.error("stream %d: %s", self.stream.number, str(error))
                self.abort()
                return
            if len(parts) == 3 and carrier.free and self._send_whole(parts, carrier):
                return
            for part in parts:
                self._take(part, carrier)
            self._open = self._websocket and self._reader.raw
        carrier.schedule(self)
        if self._size > (_HIGH_WATER if carrier.backlog <= _MOST_WAITING else 0):
            self._pause()

    def _pause(self) -> None:
        if not self._paused and self._protocol is not None:
            self._paused = True
            self._protocol.pause_writing()

    def _send_whole(self, parts: list[Part], carrier: Carrier) -> bool:
        """Send a whole response, if the parts are one, and there is room for it; whether it was sent. That is
        what most are, and it takes a microsecond less than one part after the other.
        """
        head, body, end = parts
        if type(head) is not Head or type(body) is not bytes or type(end) is not End:
            return False
        session, stream = carrier.session, self.stream
        if session.room(stream) < len(body):
            return False
        session.send_response(stream, head.block, body)
        self._ended = True
        carrier.flush_soon()
        return True

    def _take(self, part: Part, carrier: Carrier) -> None:
        if isinstance(part, Head):
            carrier.session.send_head(self.stream, part.block, end=part.end)
            self._ended = part.end
            if part.priority:
                carrier.prioritize(self, part.priority)
        elif isinstance(part, End):
            self._ended = True
        elif isinstance(part, Trailers):
            self._trailers = part.block
            self._ended = True
        else:
            self._pending.append(part)
            self._size += len(part)
            carrier.backlog += len(part)

    def can_write_eof(self) -> bool:
        """Whether one direction can be closed alone: only where a protocol of its own is spoken."""
        return self._websocket

    def write_eof(self) -> None:
        """End this direction when all is sent. A response that is not complete is cut off."""
        if self._carrier is None or self._closing:
            return
        try:
            self._reader.feed_eof()
        except ResponseError:
            self._reset()
        else:
            self._ended = True
            self._carrier.schedule(self)

    def get_write_buffer_size(self) -> int:
        """Return the bytes that wait."""
        return self._size

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Leave them as they are."""

    def close(self) -> None:
        """End the stream when all is sent. A response that is not complete is cut off."""
        carrier = self._carrier
        if carrier is None or self._closing:
            return
        self._closing = True
        self._drop_held()
        if not self.stream.local_open:
            self._finish()
            return
        try:
            self._reader.feed_eof()
        except ResponseError:  # it is cut off
            self._reset()
        else:
            self._ended = True
            carrier.schedule(self)

    def abort(self) -> None:
        """End the stream now, so that the client can tell."""
        self._closing = True
        self._reset()

    def _reset(self) -> None:
        carrier = self._carrier
        if carrier is None:
            return
        if self.stream.number in carrier.session.streams:
            code = ErrorCode.CANCEL if self._websocket else ErrorCode.INTERNAL_ERROR
            carrier.session.reset(self.stream.number, code)
            carrier.flush_soon()
        self._finish()
