"""WebSocket connections of the load generator: the handshake, messages, and their echoes."""

import asyncio
import zlib
from typing import Final

from benchmarks.loads.clients import AnswerError, Client, Meter

# The example of RFC 6455, sections 1.3 and 5.7. Key and mask are constant, so that all can be built ahead.
WEBSOCKET_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
WEBSOCKET_ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = b"\x37\xfa\x21\x3d"
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + WEBSOCKET_KEY + b"\r\n\r\n"
)
#: What browsers offer.
OFFER: Final = b"permessage-deflate; client_max_window_bits"
TEXT: Final = 0x1
BINARY: Final = 0x2
PONG: Final = 0xA
COMPRESSED: Final = 0x40  # RSV1 of a message's first frame (RFC 7692, section 6)
_SMALLEST_WINDOW: Final = -9  # in bits, without a header: any window that a server may ask for can hold it
_FLUSHED: Final = b"\x00\x00\xff\xff"  # ends what is compressed, and is not sent (RFC 7692, section 7.2.1)


class WebSocketClient(Client):
    """Messages of `payload`, each of which must come back unchanged; no compression is offered."""

    handshake = HANDSHAKE
    extension = b""

    def __init__(self, meter: Meter, payload: bytes, opcode: int = BINARY) -> None:
        super().__init__(meter, self.handshake)
        self.message = frame(opcode, payload, MASK)
        self.echo = frame(opcode, payload)
        self.usual = b""  # the echo, once one was examined

    def data_received(self, data: bytes) -> None:
        """Check an echo; the quick way needs one whole frame and nothing else."""
        if data == self.usual and not self.buffer:
            self.answered()
        else:
            self.examine(data)

    def opened(self) -> None:
        """Send the first message."""
        self.transport.write(self.message)

    def take_answer(self) -> bool:
        """Remove the answer to the handshake, pings, and one echo."""
        if self.request is not self.message and not self._upgraded():
            return False
        self.buffer = answer_pings(self.buffer, self.transport)
        return self.take_echo()

    def take_echo(self) -> bool:
        """Remove one echo, if it is whole, and pings behind it; `AnswerError` when it is something else."""
        whole = self.buffer.startswith(self.echo)
        rest = answer_pings(self.buffer[len(self.echo) :], self.transport) if whole else self.buffer
        if rest[:1] not in (b"", b"\x89") and (whole or not self.echo.startswith(rest)):
            raise AnswerError(f"unexpected frames: {self.buffer[:300]!r}")
        if whole:
            self.usual = self.echo
            self.buffer = rest
        return whole

    def _upgraded(self) -> bool:
        rest = take_handshake(self.buffer, self.extension)
        if rest is None:
            return False
        self.request, self.buffer = self.message, rest
        self.opened()
        return True


class DeflatingClient(WebSocketClient):
    """One compressed message, which must come back compressed (RFC 7692), in one frame.

    A second one would build on the first, which nobody keeps here.
    """

    handshake = HANDSHAKE[:-2] + b"Sec-WebSocket-Extensions: " + OFFER + b"\r\n\r\n"
    extension = b"permessage-deflate"

    def __init__(self, meter: Meter, payload: bytes) -> None:
        super().__init__(meter, payload)
        self.payload = payload
        self.message = frame(BINARY | COMPRESSED, deflate(payload), MASK)

    def take_echo(self) -> bool:
        """Remove one echo, and see what is in it."""
        data = self.buffer
        if len(data) < 4:
            return False
        start = 2 if data[1] < 126 else 4
        end = start + (data[1] if data[1] < 126 else int.from_bytes(data[2:4], "big"))
        if len(data) < end:
            return False
        whole = data[0] == 0x80 | COMPRESSED | BINARY and len(data) == end
        if not whole or zlib.decompressobj(-15).decompress(data[start:] + _FLUSHED) != self.payload:
            raise AnswerError(f"unexpected frames: {data[:300]!r}")
        self.buffer = b""
        return True


def deflate(payload: bytes) -> bytes:
    """Compress the first message of a connection."""
    compressor = zlib.compressobj(wbits=_SMALLEST_WINDOW)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(_FLUSHED)


def take_handshake(data: bytes, extension: bytes = b"") -> bytes | None:
    """Return what follows the answer to `HANDSHAKE`; None when that is not complete yet.

    Raises `AnswerError` when it is not a 101 with the key's digest (RFC 6455, section 4.1) and the extension.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    if not head.startswith(b"HTTP/1.1 101 ") or WEBSOCKET_ACCEPT not in head:
        raise AnswerError(f"handshake refused: {head[:300]!r}")
    if extension not in head:
        raise AnswerError(f"no {extension.decode()}: {head[:300]!r}")
    return rest


def answer_pings(data: bytes, transport: asyncio.WriteTransport) -> bytes:
    """Answer the whole pings that the data begin with, and return the rest."""
    while data[:1] == b"\x89" and len(data) > 1 and len(data) >= 2 + data[1]:
        end = 2 + data[1]
        transport.write(frame(PONG, data[2:end], MASK))
        data = data[end:]
    return data


def frame(opcode: int, payload: bytes, mask: bytes = b"") -> bytes:
    """Build one unfragmented WebSocket frame of at most 65535 bytes (RFC 6455, section 5.2).

    Beside the opcode a reserved bit may be set.
    """
    marked = 0x80 if mask else 0
    size = len(payload)
    length = bytes([marked | size]) if size < 126 else bytes([marked | 126]) + size.to_bytes(2, "big")
    if mask:
        key = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
    return bytes([0x80 | opcode]) + length + mask + payload
