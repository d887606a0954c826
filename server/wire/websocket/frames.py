"""The frames that a WebSocket server sends (RFC 6455 section 5.2)."""

import enum
import struct
from typing import Final

from hybrid.server.wire.websocket.close_codes import is_valid_close_code


class Opcode(enum.IntEnum):
    """What a frame carries (RFC 6455 section 11.8)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


#: The first byte of a frame: the last one of a message, the first one of a compressed message (RFC 7692
#: section 6), what it carries, and the bit of control frames.
FIN: Final = 0x80
RSV1: Final = 0x40
OPCODE_BITS: Final = 0x0F
CONTROL: Final = 0x08
#: Bytes that a control frame may carry (section 5.5).
MAX_CONTROL: Final = 125

_MAX_CLOSE_REASON: Final = MAX_CONTROL - 2
_uint16: Final = struct.Struct("!H")
_header16: Final = struct.Struct("!BBH")
_header64: Final = struct.Struct("!BBQ")


def _short_headers(opcode: int) -> tuple[bytes, ...]:
    return tuple(bytes((FIN | opcode, length)) for length in range(MAX_CONTROL + 1))


_SHORT_HEADERS: Final = {
    int(opcode): _short_headers(opcode) for opcode in (*Opcode, RSV1 | Opcode.TEXT, RSV1 | Opcode.BINARY)
}
_SHORT_TEXT: Final = _SHORT_HEADERS[Opcode.TEXT]
_SHORT_BINARY: Final = _SHORT_HEADERS[Opcode.BINARY]
#: Bytes up to which a message is kept for the next client.
_MOST_KEPT: Final = 1 << 20


def encode_frame(opcode: int, payload: bytes | bytearray) -> bytes:
    """Return one whole server frame (FIN set, not masked) around the payload.

    A control frame's payload has at most 125 bytes, which is for the caller to see to, as it is that the
    payload of a text or binary message with :data:`RSV1` is compressed.
    """
    length = len(payload)
    if length <= MAX_CONTROL:
        return _SHORT_HEADERS[opcode][length] + payload
    if length < 1 << 16:
        return _header16.pack(FIN | opcode, 126, length) + payload
    return _header64.pack(FIN | opcode, 127, length) + payload


class _LastMessage:
    """The last message and its frame: what goes to many clients is encoded once, and held once.

    Only the very same object is known again. It cannot change, and is kept, so that no other can be it. The
    pair is replaced as a whole, as loops may run in several threads.
    """

    __slots__ = ("pair",)

    def __init__(self) -> None:
        self.pair: tuple[str | bytes | None, bytes] = (None, b"")


_last: Final = _LastMessage()


def encode_text(text: str) -> bytes:
    """Return a server's text message as one frame.

    Raises:
        UnicodeEncodeError: the text has a lone surrogate, which UTF-8 cannot carry.
    """
    known, frame = _last.pair
    if known is text:
        return frame
    payload = text.encode()
    size = len(payload)
    frame = _SHORT_TEXT[size] + payload if size <= MAX_CONTROL else encode_frame(Opcode.TEXT, payload)
    if size <= _MOST_KEPT:
        _last.pair = (text, frame)
    return frame


def encode_binary(data: bytes | bytearray) -> bytes:
    """Return a server's binary message as one frame."""
    known, frame = _last.pair
    if known is data:
        return frame
    size = len(data)
    frame = _SHORT_BINARY[size] + data if size <= MAX_CONTROL else encode_frame(Opcode.BINARY, data)
    if size <= _MOST_KEPT and type(data) is bytes:  # anything else may change
        _last.pair = (data, frame)
    return frame


def encode_close(code: int | None, reason: str = "") -> bytes:
    """Return a close frame; the reason is cut, between characters, to the 123 bytes there is room for.

    Args:
        code: what to send; ``None`` sends a frame without code and reason.
        reason: text for a person or a log.

    Raises:
        ValueError: the code may not be sent (RFC 6455 section 7.4), or there is a reason and no code.
    """
    if code is None:
        if reason:
            raise ValueError("a close reason needs a close code")
        return encode_frame(Opcode.CLOSE, b"")
    if not is_valid_close_code(code):
        raise ValueError(f"close code {code} may not be sent: use 1000-1003, 1007-1014 or 3000-4999")
    cut = reason.encode()[:_MAX_CLOSE_REASON].decode(errors="ignore").encode()
    return encode_frame(Opcode.CLOSE, _uint16.pack(code) + cut)
