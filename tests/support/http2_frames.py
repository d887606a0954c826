"""Frames of HTTP/2 as clients of tests write and read them (RFC 9113 section 4): no code of the server's."""

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

#: What a client says first (section 3.4).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

_HEADER = Struct(">BHBBL")
#: Bytes before the payload.
HEADER_SIZE = _HEADER.size
_SETTING = Struct(">HL")


class Kind(IntEnum):
    """The types of frames (section 6), and RFC 9218's."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9
    PRIORITY_UPDATE = 0x10


class Frame(NamedTuple):
    """A frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of RST_STREAM and GOAWAY."""
        start = {Kind.RST_STREAM: 0, Kind.GOAWAY: 4}[Kind(self.kind)]
        return int.from_bytes(self.payload[start : start + 4], "big")

    @property
    def last_stream(self) -> int:
        """The last stream that a GOAWAY says was looked at."""
        assert self.kind == Kind.GOAWAY
        return int.from_bytes(self.payload[:4], "big")

    @property
    def settings(self) -> dict[int, int]:
        """What a SETTINGS frame says."""
        assert self.kind == Kind.SETTINGS
        return dict(_SETTING.iter_unpack(self.payload))

    def encode(self) -> bytes:
        """Write it."""
        return frame(self.kind, self.payload, stream=self.stream, flags=self.flags)


def frame(kind: int, payload: bytes = b"", *, stream: int = 0, flags: int = 0, size: int = -1) -> bytes:
    """Write a frame; `size` is a length that is not the payload's."""
    size = len(payload) if size < 0 else size
    return _HEADER.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def number(value: int) -> bytes:
    """Write 32 bits: an error code, an increment, a stream."""
    return value.to_bytes(4, "big")


def settings(*pairs: tuple[int, int]) -> bytes:
    """Write a SETTINGS frame."""
    return frame(Kind.SETTINGS, b"".join(_SETTING.pack(*pair) for pair in pairs))


def goaway(last: int, code: int, reason: bytes = b"") -> bytes:
    """Write a GOAWAY frame."""
    return frame(Kind.GOAWAY, number(last) + number(code) + reason)


class FrameReader:
    """Cuts bytes into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are complete with these bytes."""
        self._rest += data
        frames: list[Frame] = []
        while (found := self._next()) is not None:
            frames.append(found)
        return frames

    def _next(self) -> Frame | None:
        if len(self._rest) < _HEADER.size:
            return None
        high, low, kind, flags, stream = _HEADER.unpack_from(self._rest)
        end = _HEADER.size + (high << 16 | low)
        if len(self._rest) < end:
            return None
        payload = bytes(self._rest[_HEADER.size : end])
        del self._rest[:end]
        return Frame(kind, flags, stream & 0x7FFFFFFF, payload)
