"""One HTTP/2 connection as its server sees it (RFC 9113): what its client does, without any I/O."""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final

from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http2.blocks import DEFAULT_TABLE_SIZE, Block, BlockDecoder, OversizedList
from hybrid.server.wire.http2.events import (
    BodyReceived,
    Event,
    PriorityChanged,
    RequestBegun,
    RequestRefused,
    RoomGained,
    StreamEnded,
)
from hybrid.server.wire.http2.frames import (
    ACK,
    DEFAULT_WINDOW,
    END_STREAM,
    LARGEST_WINDOW,
    LAST_STREAM,
    PADDED,
    PRIORITY,
    ConnectionFault,
    ErrorCode,
    FrameType,
    StreamFault,
    frame,
)
from hybrid.server.wire.http2.framing import FrameReader, without_padding
from hybrid.server.wire.http2.outgoing import Outgoing
from hybrid.server.wire.http2.priority import Priority, read_priority_update
from hybrid.server.wire.http2.requests import RequestReader, content_length, read_trailers
from hybrid.server.wire.http2.stream import Stream
from hybrid.server.wire.http2.terms import Terms
from hybrid.server.wire.http11 import Request

#: Bytes below which a DATA frame costs more than it carries, when it could have been larger or is for nobody.
_SMALL: Final = 256
#: How often a block may exceed the limit on a head, and be answered with 431 on its stream all the same.
_BLOCK_SIZES: Final = 2
#: Entries of a SETTINGS frame that count as one frame that says nothing; there are seven that mean anything.
_ENTRIES: Final = 32
#: How many times as many streams as may be open may make work, with those that were reset: a browser that
#: leaves a page cancels as many requests as it has, and begins as many, in one read.
_WORKING: Final = 2

# Compared with every frame; through the class it takes CPython 3.11 three times as long.
_DATA: Final = int(FrameType.DATA)
_HEADERS: Final = int(FrameType.HEADERS)
_WINDOW_UPDATE: Final = int(FrameType.WINDOW_UPDATE)

_NUMBER: Final = Struct(">L")


class Session(Outgoing):
    """Turns the bytes of a client into events, and what is to be said into bytes.

    Errors come in two sizes (section 5.4). What concerns a stream ends that stream alone, whatever it is:
    behind a proxy the others are other people's. What leaves the connection in doubt is raised.

    What the client does is here; how it is answered, in the base class.

    Args:
        terms: what the client may do.
        check_underscores, check_scheme: as for :class:`~hybrid.server.wire.http11.RequestParser`.
    """

    __slots__ = ("_blocks", "_early", "_reader", "_requests")

    def __init__(
        self,
        terms: Terms,
        check_underscores: Callable[[Request], object] | None = None,
        check_scheme: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(terms)
        limits = terms.limits
        self._requests = RequestReader(limits, check_underscores, check_scheme)
        self._reader = FrameReader(limits.request_head * _BLOCK_SIZES)
        self._blocks = BlockDecoder(DEFAULT_TABLE_SIZE, limits.request_head)
        self._early: dict[int, Priority] = {}  # of streams that have not been opened

    def __repr__(self) -> str:
        return f"<Session {len(self.streams)} streams, last {self._past.last}, window {self.window}>"

    @property
    def idle(self) -> bool:
        """Whether the client has begun, no stream is open, and nothing is incomplete."""
        return not self.streams and self._reader.idle

    @property
    def awaits_block(self) -> bool:
        """Whether a header block has begun and is not complete: nothing else can come before its end."""
        return self._reader.awaits_block

    def arriving(self, number: int) -> int:
        """Return how much is here of a DATA frame on a stream that is not complete."""
        stream, size = self._reader.waiting_data
        return size if stream == number else 0

    @property
    def withholds(self) -> bool:
        """Whether the client may have to wait with bodies until others have been read."""
        return self._inflow.full

    def tick(self) -> None:
        """A second has passed."""
        self._resets.refill()
        self._idle.refill()

    def receive(self, data: bytes) -> Iterator[Event]:
        """Take bytes from the client, and tell what it does, one thing after the other.

        What it does is to be acted on before the next thing is asked for.

        Raises:
            ConnectionFault: the connection must end; nothing after that can be told.
        """
        for kind, flags, number, payload in self._reader.read(data):
            try:
                event = self._take(kind, flags, number, payload)
            except StreamFault as fault:
                self._resets.spend()
                self.reset(number, fault.code)
                event = StreamEnded(number, fault)
            if event is not None:
                yield event

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> Event | None:
        if kind == _HEADERS:
            return self._take_block(flags, number, payload)
        if kind == _DATA:
            return self._take_data(flags, number, payload)
        if kind == _WINDOW_UPDATE:
            return self._take_window(number, payload)
        match kind:
            case FrameType.RST_STREAM:
                return self._take_reset(number)
            case FrameType.SETTINGS if not flags & ACK:
                return self._take_settings(payload)
            case FrameType.PRIORITY_UPDATE:
                return self._take_priority(payload)
            case FrameType.PING if not flags & ACK:
                self._out.append(frame(FrameType.PING, ACK, 0, payload))
            case FrameType.PRIORITY:
                self._take_dependency(number, payload)
            case FrameType.GOAWAY:  # streams that are open go on, and no new ones are begun (section 6.8)
                self.peer.takes_pushes = False
            case _:  # what is not known is ignored (section 5.5)
                pass
        self._idle.spend()
        return None

    # Header blocks (section 6.2).

    def _take_block(self, flags: int, number: int, encoded: bytes) -> Event | None:
        """Take a header block, which must be decoded whatever becomes of it: the next one builds on it."""
        try:
            block = self._blocks.decode(encoded)
        except OversizedList:
            self._resets.spend(2 + len(encoded) // 1024)  # more than its answer makes up for
            block = None
        ended = bool(flags & END_STREAM)
        stream = self.streams.get(number)
        if stream is not None:
            return self._take_trailers(stream, block, ended)
        past = self._past
        if number <= past.last:
            past.let_pass(number)
            return None
        past.last = number
        priority = self._take_early(number) if self._early else None
        if number > past.taken:
            self._idle.spend()
            return None
        if flags & PRIORITY:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")
        if len(self.streams) + len(self.abandoned) >= self._terms.streams:
            self._check_room()
        return self._begin(number, block, ended, priority)

    def _check_room(self) -> None:
        """Refuse a stream beyond what the client has been told, or while as many again that it has reset make
        work for nobody: otherwise there would be no bound to that (CVE-2023-44487).
        """
        opened, most = self._open(1), self._terms.streams
        if opened >= most:
            raise StreamFault(ErrorCode.REFUSED_STREAM, "too many streams at a time")
        if opened + len(self.abandoned) >= most * _WORKING:
            raise StreamFault(ErrorCode.REFUSED_STREAM, "too many applications answer nobody")

    def _begin(self, number: int, block: Block | None, ended: bool, priority: Priority | None) -> Event:
        terms = self._terms
        # More than is granted may come from a client that has not heard of it yet.
        stream = Stream(number, self.peer.window, max(DEFAULT_WINDOW, terms.window))
        stream.remote_open = not ended
        self.streams[number] = stream
        if block is None:
            return RequestRefused(number, RequestError(431, "request head too large"))
        try:
            request = self._requests.read(block, has_body=not ended)
        except RequestError as error:
            return RequestRefused(number, error)
        if b"content-length" in request.fields:
            stream.expected = content_length(request)
            stream.count(0, ended=ended)
        return RequestBegun(number, request, ended, priority)

    def _take_trailers(self, stream: Stream, block: Block | None, ended: bool) -> Event:
        """Take trailers, which are not passed on: merged into the header fields they could override what was
        decided on those (RFC 9110 section 6.5.1).
        """
        if not stream.remote_open:
            raise StreamFault(ErrorCode.STREAM_CLOSED, "HEADERS after the end of the stream")
        if not ended:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "trailers do not end the stream")
        try:
            if block is not None:
                read_trailers(block.fields, self._terms.limits)
        except RequestError as error:
            raise StreamFault(ErrorCode.ENHANCE_YOUR_CALM, error.reason) from None
        if block is None:
            raise StreamFault(ErrorCode.ENHANCE_YOUR_CALM, "trailer section too large")
        stream.count(0, ended=True)
        self._forget_if_over(stream)
        return BodyReceived(stream.number, b"", 0, ended=True)

    # Bodies (section 6.1), and the windows that they take (section 6.9).

    def _take_data(self, flags: int, number: int, payload: bytes) -> Event | None:
        size = len(payload)
        self._inflow.take(size)
        self._renew()  # the stream's window is another matter
        stream = self.streams.get(number)
        if stream is None:
            self._past.check_not_idle(number)
            if size < _SMALL:
                self._idle.spend()
            self._past.let_pass(number)
            return None
        stream.receive(size)
        if flags & PADDED:
            payload = without_padding(payload)
        ended = bool(flags & END_STREAM)
        if not payload and not ended:
            self._idle.spend()
        stream.count(len(payload), ended=ended)
        if ended:
            self._forget_if_over(stream)
        return BodyReceived(number, payload, size, ended)

    def _take_window(self, number: int, payload: bytes) -> Event | None:
        self._idle.spend()  # which what is sent gives back
        increment = _NUMBER.unpack(payload)[0] & LARGEST_WINDOW
        if not number:
            self.window += increment
            self.given += increment
            if not increment:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
            if self.window > LARGEST_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is too large")
            return None
        self._past.check_not_idle(number)
        stream = self.streams.get(number)
        if stream is None:
            return None
        stream.window += increment
        if not increment:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        if stream.window > LARGEST_WINDOW:
            raise StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "the stream's window is too large")
        return RoomGained(number)

    # What else there is.

    def _take_reset(self, number: int) -> Event | None:
        self._past.check_not_idle(number)
        if number & 1 or number not in self.streams:  # a push that is not wanted is no fault of the client's
            self._resets.spend()
        if self.streams.pop(number, None) is None:
            return None
        self._past.remember(number, reset_by_client=True)
        return StreamEnded(number, None)

    def _take_settings(self, payload: bytes) -> Event | None:
        self._idle.spend(1 + len(payload) // (6 * _ENTRIES))
        change = self.peer.apply(payload)
        for stream in self.streams.values():
            stream.window += change
            if stream.window > LARGEST_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window is too large")
        self._out.append(frame(FrameType.SETTINGS, ACK, 0))
        return RoomGained(0) if change > 0 else None

    def _take_dependency(self, number: int, payload: bytes) -> None:
        """Check what nobody follows any more, the priorities of RFC 7540 (its section 5.3.1)."""
        if _NUMBER.unpack_from(payload)[0] & LAST_STREAM == number:
            self._idle.spend()
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")

    def _take_priority(self, payload: bytes) -> Event | None:
        """RFC 9218 section 7.1. What is over needs none; what is not open yet has it from the start."""
        self._idle.spend()
        number, priority = read_priority_update(payload)
        if number in self.streams:
            return PriorityChanged(number, priority)
        past, early = self._past, self._early
        if not number & 1:
            past.check_not_idle(number)
        elif past.last < number <= past.taken:
            if number not in early and len(early) + self._open(1) >= self._terms.streams:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE for too many streams")
            early[number] = priority
        return None

    def _take_early(self, number: int) -> Priority | None:
        """Return what was said of a stream that is opened, and forget those that so never will be (RFC 9113
        section 5.1.1).
        """
        priority = self._early.pop(number, None)
        self._early = {later: said for later, said in self._early.items() if later > number}
        return priority
