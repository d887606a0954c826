"""Compresses messages: permessage-deflate, as it is agreed on and as it is done (RFC 7692), without any I/O.

zlib's objects are made when the first message needs them. Their memory follows from the window: about 2**bits
bytes and 7 KiB to inflate, eight times 2**bits and 6 KiB to compress.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from hybrid.server.wire.websocket.extensions import Extension
from hybrid.server.wire.websocket.frames import RSV1, Opcode, encode_binary, encode_frame, encode_text

NAME: Final = "permessage-deflate"
MAX_BITS: Final = 15
#: zlib compresses with no smaller window (https://github.com/madler/zlib/issues/171).
MIN_BITS: Final = 9

#: The end of each message that has been flushed; it is not sent (RFC 7692 section 7.2.1).
TAIL: Final = b"\x00\x00\xff\xff"
# An empty last block, which ends a stream that is between two blocks.
_LAST_BLOCK: Final = b"\x03\x00"
# How many streams one piece of data may end; one would do, and each costs a copy of the rest.
_MAX_ENDS: Final = 64

# Measured with JSON: half the time of the usual 6, for a twelfth more bytes.
_LEVEL: Final = 3

#: Bytes from which on a message is compressed only if its beginning shrinks: pictures and archives take the
#: longest, and come out no shorter.
_LARGE: Final = 256 * 1024
_SAMPLE: Final = 4 * 1024

_SERVER_FORGETS: Final = "server_no_context_takeover"
_CLIENT_FORGETS: Final = "client_no_context_takeover"
_SERVER_BITS: Final = "server_max_window_bits"
_CLIENT_BITS: Final = "client_max_window_bits"
_NO_VALUE: Final[frozenset[str | None]] = frozenset({None})
_BITS: Final[frozenset[str | None]] = frozenset(map(str, range(8, 16)))
#: The parameters there are, and the values they may have; None is to have none (sections 7.1.1 and 7.1.2).
_PARAMETERS: Final[Mapping[str, frozenset[str | None]]] = {
    _SERVER_FORGETS: _NO_VALUE,
    _CLIENT_FORGETS: _NO_VALUE,
    _SERVER_BITS: _BITS,
    _CLIENT_BITS: _BITS | _NO_VALUE,
}


class Agreement(NamedTuple):
    """How a client and this server compress.

    Attributes:
        server_bits, client_bits: the windows of what each of them sends, as powers of two, 8 to 15.
        server_forgets, client_forgets: whether its messages are compressed one by one, and not each with what
            those before it had.
        response: the value of ``Sec-WebSocket-Extensions`` in the response.
    """

    server_bits: int
    client_bits: int
    server_forgets: bool
    client_forgets: bool
    response: bytes


def agree(offers: Iterable[Extension], max_bits: int) -> Agreement | None:
    """Take the first offer that can be met; None when there is none, and messages are not compressed.

    An offer with a parameter that is unknown, repeated, or has a value that it cannot have, is declined
    (RFC 7692 section 7.1), as is one for a window of 8 bits, with which zlib cannot compress.

    Args:
        offers: what the client would like, best first, other extensions included.
        max_bits: the largest window that is used in either direction, as far as the client lets us say so.
    """
    for offer in offers:
        if offer.name == NAME:
            agreement = _answer(offer, max_bits)
            if agreement is not None:
                return agreement
    return None


def _answer(offer: Extension, max_bits: int) -> Agreement | None:
    asked = dict(offer.parameters)
    if len(asked) < len(offer.parameters):
        return None
    if not all(value in _PARAMETERS.get(name, ()) for name, value in asked.items()):
        return None
    server_bits = min(int(asked.get(_SERVER_BITS) or MAX_BITS), max_bits)
    if server_bits < MIN_BITS:
        return None
    # A client that does not offer this cannot be asked for it (section 7.1.2.2).
    client_bits = min(int(asked[_CLIENT_BITS] or MAX_BITS), max_bits) if _CLIENT_BITS in asked else MAX_BITS
    parts = [NAME, *(name for name in (_SERVER_FORGETS, _CLIENT_FORGETS) if name in asked)]
    if _SERVER_BITS in asked or server_bits < MAX_BITS:
        parts.append(f"{_SERVER_BITS}={server_bits}")
    if client_bits < MAX_BITS:
        parts.append(f"{_CLIENT_BITS}={client_bits}")
    response = "; ".join(parts).encode("ascii")
    return Agreement(server_bits, client_bits, _SERVER_FORGETS in asked, _CLIENT_FORGETS in asked, response)


class Deflater:
    """Makes the frames of messages, compressed where that is worth it.

    Memory is kept from the second message in a row on, until :meth:`rest` has been called twice without one:
    a message that does not refer to those before it needs nobody's consent.

    Args:
        agreement: how.
        threshold: messages of fewer bytes are sent as they are; so is an empty one, always.
    """

    __slots__ = ("_bits", "_forgets", "_recent", "_stream", "_threshold")

    def __init__(self, agreement: Agreement, threshold: int) -> None:
        self._bits = agreement.server_bits
        self._forgets = agreement.server_forgets
        self._threshold = max(threshold, 1)
        self._stream: Any = None
        self._recent = False

    def __repr__(self) -> str:
        return f"<Deflater {'idle' if self._stream is None else 'in use'}, {self._bits} bits>"

    def encode_text(self, text: str) -> bytes:
        """Return a text message as one frame.

        Raises:
            UnicodeEncodeError: the text has a lone surrogate, which UTF-8 cannot carry.
        """
        if len(text) < self._threshold and text.isascii():
            return encode_text(text)
        return self._encode(Opcode.TEXT, text.encode())

    def encode_binary(self, data: bytes | bytearray) -> bytes:
        """Return a binary message as one frame."""
        if len(data) < self._threshold:
            return encode_binary(data)
        return self._encode(Opcode.BINARY, data)

    def release(self) -> None:
        """Let go of the memory."""
        self._stream = None

    def rest(self) -> None:
        """Let go of the memory when nothing has been compressed since the last call."""
        if not self._recent:
            self._stream = None
        self._recent = False

    def _encode(self, opcode: int, payload: bytes | bytearray) -> bytes:
        if len(payload) < self._threshold:
            return encode_frame(opcode, payload)
        if len(payload) >= _LARGE and not _shrinks(payload[:_SAMPLE]):
            return encode_frame(opcode, payload)
        compressed = self._compress(payload)
        if self._forgets and len(compressed) >= len(payload):
            return encode_frame(opcode, payload)  # the client need not have seen it
        return encode_frame(opcode | RSV1, compressed)

    def _compress(self, payload: bytes | bytearray) -> bytes:
        stream = self._stream
        if stream is None:
            # Half of the memory for the window, and half for what is known of it, as in zlib's own default.
            stream = zlib.compressobj(_LEVEL, wbits=-self._bits, memLevel=self._bits - 7)
            if self._recent and not self._forgets:
                self._stream = stream
        self._recent = True
        data: bytes = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
        return data[: -len(TAIL)]


def _shrinks(sample: bytes | bytearray) -> bool:
    """Tell whether it is worth while to compress what begins like this."""
    return len(zlib.compress(sample, 1, -MIN_BITS)) < len(sample) * 0.9


class Inflater:
    """Inflates the messages of one client, piece by piece.

    Args:
        agreement: how they are compressed.
    """

    __slots__ = ("_bits", "_forgets", "_stream")

    def __init__(self, agreement: Agreement) -> None:
        self._bits = max(agreement.client_bits, MIN_BITS)  # some clients' zlib makes 9 of 8
        self._forgets = agreement.client_forgets
        self._stream: Any = None

    def __repr__(self) -> str:
        return f"<Inflater {'idle' if self._stream is None else 'in use'}, {self._bits} bits>"

    def inflate(self, data: bytes, room: int) -> bytes:
        """Return what a piece of a message inflates to, or more than ``room`` bytes of it: it is too long.

        Never makes more than one byte too many. After a message that was too long, or broken, nothing can
        be inflated any more.

        Args:
            data: the piece; :data:`TAIL` is a part of the last one.
            room: how many bytes it may be, 0 or more.

        Raises:
            zlib.error: the data is broken.
        """
        stream = self._stream
        if stream is None:
            stream = self._stream = zlib.decompressobj(-self._bits)
        inflated: bytes = stream.decompress(data, room + 1)
        return self._go_on(inflated, room) if stream.eof else inflated

    def end_message(self) -> None:
        """Note that a message has been inflated.

        Raises:
            zlib.error: it was incomplete: its data ends within a block.
        """
        stream = self._stream if self._forgets else self._stream.copy()
        stream.decompress(_LAST_BLOCK)
        if not stream.eof:
            raise zlib.error("the message ends within a block")
        if self._forgets:
            self._stream = None

    def release(self) -> None:
        """Let go of the memory: no message will come."""
        self._stream = None

    def _go_on(self, inflated: bytes, room: int) -> bytes:
        """Inflate what follows a last block, as another stream (RFC 7692 section 7.2.3.4)."""
        for _ in range(_MAX_ENDS):
            rest = self._stream.unused_data
            stream = self._stream = zlib.decompressobj(-self._bits)
            if not rest or len(inflated) > room:
                return inflated
            inflated += stream.decompress(rest, room + 1 - len(inflated))
            if not stream.eof:
                return inflated
        raise zlib.error("too many last blocks")
