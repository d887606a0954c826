"""The frames of HTTP/2 (RFC 9113 sections 4 and 6), and the numbers that they are made of."""

from enum import IntEnum
from struct import Struct
from typing import Final

#: What a client says first (RFC 9113 section 3.4). To an HTTP/1.1 parser it is a request that it refuses.
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: Bytes before the payload: its length, type, flags, stream (section 4.1).
HEADER_SIZE: Final = 9
#: The largest payload that anybody must take, and may send unasked (section 4.2).
DEFAULT_FRAME_SIZE: Final = 16384
LARGEST_FRAME_SIZE: Final = (1 << 24) - 1
#: The flow-control window of a stream, and of the connection, before anything is said (section 6.9.2).
DEFAULT_WINDOW: Final = 65535
LARGEST_WINDOW: Final = (1 << 31) - 1
#: The highest number of a stream.
LAST_STREAM: Final = (1 << 31) - 1


class FrameType(IntEnum):
    """What a frame is (section 6); others are ignored (section 5.5)."""

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
    PRIORITY_UPDATE = 0x10  # RFC 9218 section 7.1


class Setting(IntEnum):
    """What a side may say of itself (section 6.5.2)."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6
    ENABLE_CONNECT_PROTOCOL = 0x8  # RFC 8441 section 3
    NO_RFC7540_PRIORITIES = 0x9  # RFC 9218 section 2.1


class ErrorCode(IntEnum):
    """Why a stream or a connection ends (section 7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


#: Flags; those of one bit mean different things in different frames.
END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY: Final = 0x20

# Used for each frame; through the class it takes CPython 3.11 five times as long.
_DATA: Final = int(FrameType.DATA)
_HEADERS: Final = int(FrameType.HEADERS)

_HEADER: Final = Struct(">BHBBL")
_LONG: Final = Struct(">L")
_SETTING: Final = Struct(">HL")


class ConnectionFault(Exception):
    """The peer has broken the protocol so that the connection must end (section 5.4.1).

    Attributes:
        code: what to say in GOAWAY.
        reason: for the log, and the debug data of GOAWAY; never anything that the peer has sent.
    """

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason


class StreamFault(Exception):
    """The peer has broken the protocol so that one stream must end (section 5.4.2).

    Attributes:
        code: what to say in RST_STREAM.
        reason: for the log; never anything that the peer has sent.
    """

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    size = len(payload)
    return _HEADER.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def data_header(size: int, stream: int, *, end_stream: bool) -> bytes:
    """Return what goes before ``size`` bytes of a body (section 6.1)."""
    return _HEADER.pack(size >> 16, size & 0xFFFF, _DATA, END_STREAM if end_stream else 0, stream)


def settings_frame(settings: dict[Setting, int]) -> bytes:
    """Return a SETTINGS frame (section 6.5)."""
    payload = b"".join(_SETTING.pack(setting, value) for setting, value in settings.items())
    return frame(FrameType.SETTINGS, 0, 0, payload)


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Return the settings of a SETTINGS frame, in order; their number has been checked."""
    return list(_SETTING.iter_unpack(payload))


def window_update(stream: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame (section 6.9); stream 0 is the connection."""
    return _HEADER.pack(0, 4, FrameType.WINDOW_UPDATE, 0, stream) + _LONG.pack(increment)


def rst_stream(stream: int, code: int) -> bytes:
    """Return an RST_STREAM frame (section 6.4)."""
    return _HEADER.pack(0, 4, FrameType.RST_STREAM, 0, stream) + _LONG.pack(code)


def goaway(last: int, code: int, reason: str = "") -> bytes:
    """Return a GOAWAY frame (section 6.8): streams above ``last`` were not looked at."""
    return frame(FrameType.GOAWAY, 0, 0, _LONG.pack(last) + _LONG.pack(code) + reason.encode("ascii"))


def header_frames(stream: int, block: bytes, size: int, *, end_stream: bool) -> bytes:
    """Return a header block as a HEADERS frame, and CONTINUATION frames where it does not fit (section 6.2).

    Args:
        stream: whose block it is.
        block: the block, encoded.
        size: the largest payload that the peer takes.
        end_stream: whether nothing follows on the stream.
    """
    flags = END_STREAM if end_stream else 0
    if len(block) <= size:
        return frame(_HEADERS, flags | END_HEADERS, stream, block)
    return _in_parts(FrameType.HEADERS, flags, stream, block, size)


def promise_frames(stream: int, promised: int, block: bytes, size: int) -> bytes:
    """Return a PUSH_PROMISE frame, with CONTINUATION frames as above (section 6.6).

    Args:
        stream: of the request to whose response it belongs.
        promised: the stream of the request that is promised.
        block: that one's header block.
        size: the largest payload that the peer takes.
    """
    payload = _LONG.pack(promised) + block
    if len(payload) <= size:
        return frame(FrameType.PUSH_PROMISE, END_HEADERS, stream, payload)
    return _in_parts(FrameType.PUSH_PROMISE, 0, stream, payload, size)


def _in_parts(kind: int, flags: int, stream: int, payload: bytes, size: int) -> bytes:
    parts = [frame(kind, flags, stream, payload[:size])]
    for start in range(size, len(payload), size):
        last = END_HEADERS if start + size >= len(payload) else 0
        parts.append(frame(FrameType.CONTINUATION, last, stream, payload[start : start + size]))
    return b"".join(parts)
