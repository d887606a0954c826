"""The parser of a WebSocket on which messages may be compressed (RFC 7692)."""

import zlib
from typing import Final

from hybrid.server.wire.websocket.close_codes import CloseCode
from hybrid.server.wire.websocket.deflate import TAIL, Inflater
from hybrid.server.wire.websocket.events import Event, WebSocketError
from hybrid.server.wire.websocket.frames import CONTROL, FIN, RSV1, Opcode
from hybrid.server.wire.websocket.parser import FIRST, NEXT, Flow, FrameParser, decode_text

_WHOLE_TEXT: Final = FIN | RSV1 | Opcode.TEXT
_WHOLE: Final = frozenset({_WHOLE_TEXT, FIN | RSV1 | Opcode.BINARY})
# What data may have, beside a quarter more than what it inflates to: the ends of a few thousand fragments.
_SLACK: Final = 1 << 16


class InflatingParser(FrameParser):
    """A :class:`~hybrid.server.wire.websocket.parser.FrameParser` that inflates the messages that say so.

    What a message inflates to is bounded while it is inflated. So is what one call of :meth:`feed` returns:
    when that is enough, the rest of the data is held, until the next call, which may bring nothing.

    Args:
        max_size: the most bytes a message may have, inflated. Its data may have a quarter and 64 KiB more.
        inflater: inflates.
        enough: bytes of inflated messages after which a call takes no further message.

    Attributes:
        weight: bytes of the messages that the last call has inflated.
    """

    __slots__ = ("_compressed", "_enough", "_inflater", "_max_data", "_taken", "weight")

    _first = FIRST | {RSV1 | first for first in FIRST if not first & CONTROL}

    def __init__(self, max_size: int, inflater: Inflater, enough: int) -> None:
        super().__init__(max_size)
        self._inflater = inflater
        self._enough = enough
        self._max_data = max_size + max_size // 4 + _SLACK
        # The incomplete message: whether it is compressed, and the bytes of its data so far.
        self._compressed = False
        self._taken = 0
        self.weight = 0

    @property
    def held(self) -> bool:
        """Whether data is left that the next call of :meth:`feed` goes on with."""
        return self._flow is Flow.HELD and bool(self._pending)

    def _feed(self, data: bytes) -> list[Event]:
        self.weight = 0
        if self._flow is Flow.HELD:
            self._flow = Flow.READING
        return super()._feed(data)

    def _finish(self) -> None:
        super()._finish()
        self._inflater.release()

    def _check_length(self, first: int, length: int) -> None:
        fresh = self._expected is not NEXT
        if not (first & RSV1 if fresh else self._compressed):
            super()._check_length(first, length)
        elif (0 if fresh else self._taken) + length > self._max_data:
            raise self._too_long()

    def _read_rest(self, first: int, payload: bytes, events: list[Event]) -> None:
        if first not in _WHOLE:
            super()._read_rest(first, payload, events)
            return
        payload = self._inflate(payload + TAIL)
        self._end_message(len(payload))
        events.append(decode_text(payload) if first == _WHOLE_TEXT else payload)

    def _begin(self, first: int, length: int, mask: bytes) -> None:
        if self._expected is not NEXT:
            self._compressed = first & RSV1 != 0
            self._taken = 0
        super()._begin(first, length, mask)

    def _append(self, payload: bytes) -> None:
        if self._compressed:
            self._taken += len(payload)
            if self._taken > self._max_data:
                raise self._too_long()
            payload = self._inflate(payload)
        super()._append(payload)

    def _end_frame(self, events: list[Event]) -> None:
        if self._fin and self._compressed:
            super()._append(self._inflate(TAIL))
            self._end_message(len(self._parts))
        super()._end_frame(events)

    def _inflate(self, data: bytes) -> bytes:
        room = self._max_size - len(self._parts)
        try:
            inflated = self._inflater.inflate(data, room)
        except zlib.error:
            raise _broken() from None
        if len(inflated) > room:
            raise self._too_long()
        return inflated

    def _end_message(self, size: int) -> None:
        try:
            self._inflater.end_message()
        except zlib.error:
            raise _broken() from None
        self.weight += size
        if self.weight > self._enough:
            self._flow = Flow.HELD


def _broken() -> WebSocketError:
    return WebSocketError(CloseCode.INVALID_DATA, "compressed data that cannot be inflated")
