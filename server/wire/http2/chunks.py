"""The chunked coding of responses, undone for HTTP/2, which has no use for it (RFC 9112 section 7.1)."""

import re
from enum import IntEnum
from typing import Final

from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http2.fields import encode_line, known_line, read_line
from hybrid.server.wire.http2.heads import NOT_TRAILERS
from hybrid.server.wire.http2.parts import END, Part, Trailers, cut

#: chunk-size and extensions. Fifteen digits are 2**60 bytes.
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
#: Bytes of a line, and of all trailers: far more than clients take.
_LINES_SIZE: Final = 1024 * 1024


class _State(IntEnum):
    SIZE = 0
    DATA = 1
    DATA_END = 2
    TRAILERS = 3


# Looked at for every line; through the class it takes CPython 3.11 three times as long.
_SIZE: Final = _State.SIZE
_DATA: Final = _State.DATA
_DATA_END: Final = _State.DATA_END
_TRAILERS: Final = _State.TRAILERS


class ChunkReader:
    """Takes a chunked body, cut anywhere, and says what it means.

    Unlike the decoder of requests, which are hostile, it copies no large parts, and it keeps the trailers.
    """

    __slots__ = ("_left", "_pending", "_room", "_state", "_trailers")

    def __init__(self) -> None:
        self._state: _State = _SIZE
        self._left = 0  # bytes of the chunk that are still to come
        self._pending: bytearray | None = None  # a line that has not ended
        self._room = _LINES_SIZE  # for the rest of the trailers
        self._trailers: list[bytes] = []

    def __repr__(self) -> str:
        return f"<ChunkReader {self._state.name} left={self._left}>"

    def feed(self, data: bytes, position: int, parts: list[Part]) -> bool:
        """Take what there is from ``position`` on, add the parts that it completes, and tell whether the end
        is among them.

        Raises:
            ResponseError: it is not chunked.
        """
        size = len(data)
        while position < size:
            if self._state is _DATA:
                end = min(position + self._left, size)
                parts.append(cut(data, position, end))
                self._left -= end - position
                position = end
                if not self._left:
                    whole = data.startswith(b"\r\n", position)  # as a rule
                    self._state = _SIZE if whole else _DATA_END
                    position += 2 if whole else 0
                continue
            end = data.find(b"\n", position) + 1
            line = self._end_line(data[position : end or size], ended=end > 0)
            if line is None:
                return False
            if self._take_line(line, parts):
                return True
            position = end
        return False

    def _end_line(self, data: bytes, *, ended: bool) -> bytes | None:
        """Return a line without its end; None when it has not ended, and is kept."""
        pending = self._pending
        if pending is not None or not ended:
            if pending is None:
                pending = self._pending = bytearray()
            pending += data
            if len(pending) > _LINES_SIZE:
                raise ResponseError("an HTTP/1.1 response with a line or trailers that do not end")
            if not ended:
                return None
            data = bytes(pending)
            self._pending = None
        if not data.endswith(b"\r\n"):
            raise ResponseError("an HTTP/1.1 response with a bare LF in the chunked coding")
        return data[:-2]

    def _take_line(self, line: bytes, parts: list[Part]) -> bool:
        """Take a line in; tell whether it was the last one."""
        if self._state is _SIZE:
            self._take_size(line)
        elif self._state is _DATA_END:
            if line:
                raise ResponseError("an HTTP/1.1 response with a chunk longer than its size")
            self._state = _SIZE
        elif line:
            self._take_trailer(line)
        else:
            parts.append(Trailers(b"".join(self._trailers)) if self._trailers else END)
            return True
        return False

    def _take_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise ResponseError("an HTTP/1.1 response with an invalid chunk size")
        self._left = int(match[1], 16)
        self._state = _DATA if self._left else _TRAILERS

    def _take_trailer(self, line: bytes) -> None:
        """Take a trailer field in. Whether it may be one, the encoder has checked; what HTTP/2 must not have
        is dropped.
        """
        self._room -= len(line)
        if self._room < 0:
            raise ResponseError("an HTTP/1.1 response with a line or trailers that do not end")
        block = known_line(line)
        if block is None:
            name, value = read_line(line)
            block = b"" if name in NOT_TRAILERS else encode_line(line, name, value)
        if block:
            self._trailers.append(block)
