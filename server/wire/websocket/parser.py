"""Turns the bytes of a WebSocket's client into messages (RFC 6455, server side, no I/O).

:class:`FrameParser` takes whatever a socket delivers, in pieces of any size, and returns complete messages
and control frames. No reserved bit is allowed: where messages may be compressed,
:class:`~hybrid.server.wire.websocket.inflating.InflatingParser` reads them.
"""

import codecs
import enum
import struct
from typing import ClassVar, Final

from hybrid.server.wire.websocket.close_codes import CloseCode, is_valid_close_code
from hybrid.server.wire.websocket.events import Close, Event, Ping, Pong, WebSocketError
from hybrid.server.wire.websocket.frames import CONTROL, FIN, MAX_CONTROL, OPCODE_BITS, Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - the wheel for this platform has no C extension
    from websockets.utils import apply_mask


class Flow(enum.Enum):
    """Whether a parser reads on."""

    READING = "as long as there is something"
    HELD = "when it is called again: what has been read is enough for now"
    DONE = "never: the peer has closed, or broken a rule"


# Looked at with every frame; an enum's own attribute takes CPython 3.11 three times as long.
_READING: Final = Flow.READING
_DONE: Final = Flow.DONE
_RESERVED_BITS: Final = 0x70
# Header of the shortest masked frame: two bytes and the masking key.
_SHORT_HEADER: Final = 6
# The longest masked frame whose length is in its second byte: as long as that of a control frame.
_LONGEST_SHORT: Final = _SHORT_HEADER + MAX_CONTROL
# From here on a copy costs more than the view that avoids it (measured, CPython 3.11).
_WORTH_A_VIEW: Final = 4096

#: The first byte (FIN, reserved bits, opcode) that a frame may have where a message may begin, and inside one
#: (sections 5.2 and 5.4).
FIRST: Final = frozenset({0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8A})
NEXT: Final = frozenset({0x00, 0x80, 0x88, 0x89, 0x8A})
_OPCODES: Final = frozenset(Opcode)
_utf8_decoder: Final = codecs.getincrementaldecoder("utf-8")
_uint16: Final = struct.Struct("!H")
_uint64: Final = struct.Struct("!Q")


class FrameParser:
    """Reads the frames of one client, strictly.

    Holds the bytes of the one message that is incomplete, which grow with what arrives and not with what a
    header announces, and at most 130 bytes besides. A message that becomes complete is copied once.

    Args:
        max_size: the most bytes a message may have, over all its fragments.
    """

    __slots__ = (
        "_decoder", "_expected", "_fast_size", "_fin", "_flow",
        "_left", "_mask", "_max_size", "_parts", "_pending",
    )  # fmt: skip

    _first: ClassVar = FIRST

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        # Size of the longest read that the short way through feed() may take; 0 while anything is unfinished.
        self._fast_size = max_size + _SHORT_HEADER
        # A header that is not complete yet, or a control frame that is not.
        self._pending = b""
        # The data frame that is arriving: payload bytes to come, the key turned to the next, its FIN bit.
        self._left = 0
        self._mask = b""
        self._fin = True
        # First bytes that the next frame may have: whether a message is incomplete.
        self._expected = self._first
        # The incomplete message: its bytes, and what checks them if it is text.
        self._parts = bytearray()
        self._decoder: codecs.IncrementalDecoder | None = None
        self._flow = Flow.READING

    def __repr__(self) -> str:
        state = "done" if self._flow is _DONE else "between messages" if self._fast_size else "in a message"
        return f"<FrameParser {state}, {len(self._parts)} bytes of {self._max_size} held>"

    def feed(self, data: bytes) -> list[Event]:
        """Take what the socket delivered and return what became complete, in order.

        After a close frame and after a failure everything is discarded (RFC 6455 sections 1.4 and 7.1.7).

        Raises:
            WebSocketError: the peer broke the protocol; its ``events`` hold what was complete before.
        """
        # One whole message is by far the most common read: its first bytes then say all there is to know.
        size = len(data)
        if _SHORT_HEADER <= size <= self._fast_size:
            if data[1] == size + (0x80 - _SHORT_HEADER) and size <= _LONGEST_SHORT:
                first = data[0]
                if first == 0x81:
                    try:
                        return [apply_mask(data[6:], data[2:6]).decode()]
                    except UnicodeDecodeError:
                        pass
                elif first == 0x82:
                    return [apply_mask(data[6:], data[2:6])]
            elif data[1] == 0xFE and (message := _whole_message(data)) is not None:
                return [message]
        return self._feed(data)

    def _feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self._pending:
            data = self._pending + data
            self._pending = b""
        position = 0
        try:
            while position < len(data) and self._flow is _READING:
                if self._left:
                    position = self._read_payload(data, position, events)
                    continue
                start, position = position, self._read_frame(data, position, events)
                if position == start:
                    break
        except WebSocketError as error:
            self._finish()
            error.events = events
            raise
        if self._flow is not _DONE:
            if position < len(data):
                self._pending = data[position:]
            idle = self._expected is not NEXT and not (self._pending or self._left)
            self._fast_size = self._max_size + _SHORT_HEADER if idle else 0
        return events

    def _finish(self) -> None:
        self._flow = Flow.DONE
        self._fast_size = 0
        self._pending = b""
        self._parts = bytearray()
        self._decoder = None

    # Readers return the position after what they used; the one they were given means that bytes are missing.

    def _read_frame(self, data: bytes, start: int, events: list[Event]) -> int:
        """Read a frame's header, and its payload as far as it is here."""
        first = data[start]
        if first not in self._expected:
            raise _first_byte_error(first)
        if len(data) < start + 2:
            return start
        length, body = self._read_header(data, start, first)
        if length < 0:
            return start
        end = body + length
        if end > len(data):
            if first & CONTROL:
                return start
            self._begin(first, length, data[body - 4 : body])
            return self._read_payload(data, body, events) if body < len(data) else body
        payload = _unmask(data, body, end, data[body - 4 : body])
        if first == 0x82:
            events.append(payload)
        elif first == 0x81:
            events.append(decode_text(payload))
        elif first & CONTROL:
            self._control(first, payload, events)
        else:
            self._read_rest(first, payload, events)
        return end

    def _read_rest(self, first: int, payload: bytes, events: list[Event]) -> None:
        """Take a frame that is here whole but is not a whole message."""
        self._begin(first, 0, b"")
        self._append(payload)
        self._end_frame(events)

    def _read_header(self, data: bytes, start: int, first: int) -> tuple[int, int]:
        """Return the payload's length and where it begins; length -1 when more bytes are needed to tell."""
        length = data[start + 1] - 0x80
        body = start + _SHORT_HEADER
        if length < 0:
            raise _protocol_error("frame from a client without a mask")
        if length > MAX_CONTROL:
            if first & CONTROL:
                raise _protocol_error("control frame longer than 125 bytes")
            field, least = (_uint16, 126) if length == 126 else (_uint64, 1 << 16)
            body += field.size
            if len(data) < body - 4:
                return -1, body
            length = field.unpack_from(data, start + 2)[0]
            if length < least:
                raise _protocol_error("length not in its shortest form")
            if length >> 63:
                raise _protocol_error("length with its highest bit set")
        # Before a byte of the payload is kept, and before the mask is there.
        if len(self._parts) + length > self._max_size and not first & CONTROL:
            self._check_length(first, length)
        return (length, body) if len(data) >= body else (-1, body)

    def _check_length(self, first: int, length: int) -> None:
        """Refuse a data frame that makes its message too long."""
        raise self._too_long()

    def _too_long(self) -> WebSocketError:
        return WebSocketError(CloseCode.TOO_BIG, f"message longer than {self._max_size} bytes")

    def _control(self, first: int, payload: bytes, events: list[Event]) -> None:
        opcode = first & OPCODE_BITS
        if opcode == Opcode.PING:
            events.append(Ping(payload))
        elif opcode == Opcode.PONG:
            events.append(Pong(payload))
        else:
            events.append(_parse_close(payload))
            self._finish()

    def _begin(self, first: int, length: int, mask: bytes) -> None:
        """Start a data frame that is not here whole, or is not a whole message."""
        self._fin = first >= FIN
        self._left = length
        self._mask = mask
        if self._expected is not NEXT:
            self._expected = NEXT
            self._decoder = _utf8_decoder() if first & OPCODE_BITS == Opcode.TEXT else None

    def _read_payload(self, data: bytes, start: int, events: list[Event]) -> int:
        """Take what is here of the payload of the data frame that is arriving."""
        end = min(start + self._left, len(data))
        self._append(_unmask(data, start, end, self._mask))
        self._left -= end - start
        turn = (end - start) & 3
        self._mask = self._mask[turn:] + self._mask[:turn]
        if not self._left:
            self._end_frame(events)
        return end

    def _append(self, payload: bytes) -> None:
        """Add to the message; text that can no longer become valid fails here, not at the message's end."""
        if self._decoder is not None:
            try:
                self._decoder.decode(payload)
            except UnicodeDecodeError:
                raise _invalid_text() from None
        self._parts += payload

    def _end_frame(self, events: list[Event]) -> None:
        if self._fin:
            parts = self._parts
            events.append(bytes(parts) if self._decoder is None else decode_text(parts))
            self._expected = self._first
            self._parts = bytearray()
            self._decoder = None


def _whole_message(data: bytes) -> str | bytes | None:
    """Return the message that a read holds whole, with a length of 16 bits; None when it holds something
    else, which the long way will find out.
    """
    size = len(data)
    if size <= _LONGEST_SHORT + 2 or _uint16.unpack_from(data, 2)[0] != size - 8:
        return None
    if data[0] == 0x82:
        return _unmask(data, 8, size, data[4:8])
    if data[0] == 0x81:
        try:
            return _unmask(data, 8, size, data[4:8]).decode()
        except UnicodeDecodeError:
            pass
    return None


def _unmask(data: bytes, start: int, end: int, mask: bytes) -> bytes:
    if end - start < _WORTH_A_VIEW:
        return apply_mask(data[start:end], mask)
    return apply_mask(memoryview(data)[start:end], mask)


def decode_text(payload: bytes | bytearray) -> str:
    """Return the text of a whole message.

    Raises:
        WebSocketError: it is not UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise _invalid_text() from None


def _parse_close(payload: bytes) -> Close:
    if not payload:
        return Close(int(CloseCode.NO_STATUS), "")
    if len(payload) == 1:
        raise _protocol_error("close frame with half a code")
    code: int = _uint16.unpack_from(payload)[0]
    if not is_valid_close_code(code):
        raise _protocol_error(f"invalid close code {code}")
    return Close(code, decode_text(payload[2:]))


def _first_byte_error(first: int) -> WebSocketError:
    """Name the rule that a first byte breaks; it was not among those expected (sections 5.2, 5.4 and 5.5)."""
    if first & _RESERVED_BITS:
        return _protocol_error("reserved bit set without an extension that defines it")
    opcode = first & OPCODE_BITS
    if opcode not in _OPCODES:
        return _protocol_error(f"reserved opcode {opcode}")
    if opcode & CONTROL:
        return _protocol_error("fragmented control frame")
    if opcode:
        return _protocol_error("new message inside a fragmented one")
    return _protocol_error("continuation of no message")


def _protocol_error(reason: str) -> WebSocketError:
    return WebSocketError(CloseCode.PROTOCOL_ERROR, reason)


def _invalid_text() -> WebSocketError:
    return WebSocketError(CloseCode.INVALID_DATA, "text that is not valid UTF-8")
