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


#: The first byte of a frame: the last one of a message, what it carries, and the bit of control frames.
FIN: Final = 0x80
OPCODE_BITS: Final = 0x0F
CONTROL: Final = 0x08
#: Bytes that a control frame may carry (section 5.5).
MAX_CONTROL: Final = 125

_MAX_CLOSE_REASON: Final = MAX_CONTROL - 2
_uint16: Final = struct.Struct("!H")
_header16: Final = struct.Struct("!BBH")
_header64: Final = struct.Struct("!BBQ")


def _short_headers(opcode: Opcode) -> tuple[bytes, ...]:
    return tuple(bytes((FIN | opcode, length)) for length in range(MAX_CONTROL + 1))


_SHORT_HEADERS: Final = {int(opcode): _short_headers(opcode) for opcode in Opcode}
_SHORT_TEXT: Final = _SHORT_HEADERS[Opcode.TEXT]


def encode_frame(opcode: int, payload: bytes | bytearray) -> bytes:
    """Return one whole server frame (FIN set, not masked) around the payload.

    A control frame's payload has at most 125 bytes, which is for the caller to see to.
    """
    length = len(payload)
    if length <= MAX_CONTROL:
        return _SHORT_HEADERS[opcode][length] + payload
    if length < 1 << 16:
        return _header16.pack(FIN | opcode, 126, length) + payload
    return _header64.pack(FIN | opcode, 127, length) + payload


def encode_text(text: str) -> bytes:
    """Return a server's text message as one frame.

    Raises:
        UnicodeEncodeError: the text has a lone surrogate, which UTF-8 cannot carry.
    """
    payload = text.encode()
    if len(payload) <= MAX_CONTROL:
        return _SHORT_TEXT[len(payload)] + payload
    return encode_frame(Opcode.TEXT, payload)


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
