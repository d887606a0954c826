"""HTTP/2 bytes cut into frames (RFC 9113 section 4), and header blocks put together, without any I/O."""

from collections.abc import Iterator
from struct import Struct
from typing import Final

from hybrid.server.wire.http2.frames import (
    ACK,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    HEADER_SIZE,
    LARGEST_FRAME_SIZE,
    LAST_STREAM,
    PADDED,
    PREFACE,
    PRIORITY,
    ConnectionFault,
    ErrorCode,
    FrameType,
)

#: Frames of a header block after the first, beside those that its size needs.
_SPARE_CONTINUATIONS: Final = 8

# Looked at for each frame; through the class it takes CPython 3.11 five times as long.
_HEADERS: Final = int(FrameType.HEADERS)
_SETTINGS: Final = int(FrameType.SETTINGS)
_CONTINUATION: Final = int(FrameType.CONTINUATION)
_OF_BLOCKS: Final = (_HEADERS, _CONTINUATION)

_FRAME: Final = Struct(">BHBBL")
_NUMBER: Final = Struct(">L")

_ANY_SIZE: Final = range(LARGEST_FRAME_SIZE + 1)
#: Whether a frame belongs to a stream (None where it may or not), the sizes of its payload, and what they are
#: multiples of.
_SHAPES: Final[dict[int, tuple[bool | None, range, int]]] = {
    FrameType.DATA: (True, _ANY_SIZE, 1),
    FrameType.PRIORITY: (True, range(5, 6), 1),
    FrameType.RST_STREAM: (True, range(4, 5), 1),
    FrameType.SETTINGS: (False, _ANY_SIZE, 6),
    FrameType.PUSH_PROMISE: (False, range(0), 1),  # which no client may send (section 8.4)
    FrameType.PING: (False, range(8, 9), 1),
    FrameType.GOAWAY: (False, range(8, LARGEST_FRAME_SIZE), 1),
    FrameType.WINDOW_UPDATE: (None, range(4, 5), 1),
    FrameType.PRIORITY_UPDATE: (False, range(4, LARGEST_FRAME_SIZE), 1),  # RFC 9218 section 7.1
}

#: A frame: type, flags, stream, payload.
Frame = tuple[int, int, int, bytes]


class FrameReader:
    """Cuts what a client sends into frames. A header block comes as one HEADERS frame, however many it was
    sent in.

    Every type of frame has the size, and is where, it must be (section 6); of what is in it others judge.

    Args:
        largest_block: bytes of a header block that are kept while it is not complete.
    """

    __slots__ = (
        "_block", "_block_flags", "_block_frames", "_block_stream", "_greeted", "_largest", "_settled",
        "_waiting",
    )  # fmt: skip

    def __init__(self, largest_block: int) -> None:
        self._largest = largest_block
        self._waiting = b""  # of the preface, or of a frame
        self._greeted = False
        self._settled = False  # whether the first SETTINGS are here
        self._block = b""  # of which frames are still to come, if it is anybody's:
        self._block_stream = 0
        self._block_flags = 0
        self._block_frames = 0

    def __repr__(self) -> str:
        return f"<FrameReader waiting={len(self._waiting)} block={len(self._block)}>"

    @property
    def idle(self) -> bool:
        """Whether the client has begun, and nothing that it has begun is incomplete."""
        return self._settled and not self._waiting and not self._block_stream

    @property
    def awaits_block(self) -> bool:
        """Whether a header block is incomplete."""
        return bool(self._block_stream) or self._waiting_kind == _HEADERS

    @property
    def waiting_data(self) -> tuple[int, int]:
        """Return the stream of a DATA frame that is incomplete, and how much of it is here; 0 for none."""
        if self._waiting_kind != FrameType.DATA:
            return 0, 0
        return _NUMBER.unpack_from(self._waiting, 5)[0] & LAST_STREAM, len(self._waiting) - HEADER_SIZE

    @property
    def _waiting_kind(self) -> int | None:
        if not self._settled or len(self._waiting) < HEADER_SIZE:
            return None
        return self._waiting[3]

    def read(self, data: bytes) -> Iterator[Frame]:
        """Take bytes from the client, and return the frames that are complete. Padding and priority are taken
        out of HEADERS; the flag PRIORITY stays where a stream depends on itself.

        Raises:
            ConnectionFault: what comes is not HTTP/2, or too large.
        """
        buffer = self._waiting + data if self._waiting else data
        position = 0
        if not self._greeted:
            if not self._greet(buffer):
                self._waiting = buffer
                return
            position = len(PREFACE)
        length = len(buffer)
        while length - position >= HEADER_SIZE:
            high, low, kind, flags, number = _FRAME.unpack_from(buffer, position)
            size = high << 16 | low
            if size > DEFAULT_FRAME_SIZE:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a frame is too large")
            end = position + HEADER_SIZE + size
            if end > length:
                break
            frame = kind, flags, number & LAST_STREAM, buffer[position + HEADER_SIZE : end]
            position = end
            if self._block_stream or kind in _OF_BLOCKS:
                whole = self._add_to_block(*frame)
                if whole is not None:
                    yield whole
            else:
                if not self._settled:
                    self._settle(kind, flags)
                check_shape(*frame)
                yield frame
        self._waiting = buffer[position:]

    def _greet(self, buffer: bytes) -> bool:
        """Look for the preface (section 3.4); False when it is not complete."""
        if not buffer.startswith(PREFACE[: len(buffer)]):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface")
        self._greeted = len(buffer) >= len(PREFACE)
        return self._greeted

    def _settle(self, kind: int, flags: int) -> None:
        if kind != FrameType.SETTINGS or flags & ACK:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        self._settled = True

    def _add_to_block(self, kind: int, flags: int, number: int, payload: bytes) -> Frame | None:
        """Take a frame of a header block (sections 6.2 and 6.10); return the block once it is complete."""
        if not self._settled:
            self._settle(kind, flags)
        if not self._block_stream:
            if kind != _HEADERS:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
            flags, payload = _bare(flags, number, payload)
            if flags & END_HEADERS:
                return kind, flags, number, payload
            self._block_stream, self._block_flags, self._block = number, flags, payload
            return None
        if kind != _CONTINUATION or number != self._block_stream:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a header block was interrupted")
        return self._go_on(flags, payload)

    def _go_on(self, flags: int, payload: bytes) -> Frame | None:
        self._block += payload
        self._block_frames += 1
        most = _SPARE_CONTINUATIONS + self._largest // DEFAULT_FRAME_SIZE
        if len(self._block) > self._largest or self._block_frames > most:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "a header block is too large")
        if not flags & END_HEADERS:
            return None
        whole = FrameType.HEADERS, self._block_flags, self._block_stream, self._block
        self._block, self._block_stream, self._block_frames = b"", 0, 0
        return whole


def check_shape(kind: int, flags: int, number: int, payload: bytes) -> None:
    """Refuse a frame, other than one of a header block, of a wrong size, or where it must not be (section 6).

    Raises:
        ConnectionFault: its type does not allow it.
    """
    shape = _SHAPES.get(kind)
    if shape is None:
        return
    on_stream, sizes, multiple = shape
    if on_stream is not None and on_stream != bool(number):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"{FrameType(kind).name} on a wrong stream")
    size = len(payload)
    if size not in sizes or size % multiple or (flags & ACK and size and kind == _SETTINGS):
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"{FrameType(kind).name} of a wrong size")


def without_padding(payload: bytes) -> bytes:
    """Return what stands between the length of the padding and the padding (section 6.1).

    Raises:
        ConnectionFault: the padding is longer than its frame.
    """
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "padding is longer than its frame")
    return payload[1 : len(payload) - payload[0]]


def _bare(flags: int, number: int, payload: bytes) -> tuple[int, bytes]:
    """Take padding and priority out of HEADERS; return its flags too."""
    if not number & 1:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "HEADERS on a stream that is not the client's")
    if flags & PADDED:
        payload = without_padding(payload)
    if not flags & PRIORITY:
        return flags, payload
    if len(payload) < 5:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS is too short")
    if _NUMBER.unpack_from(payload)[0] & LAST_STREAM != number:
        flags &= ~PRIORITY
    return flags, payload[5:]
