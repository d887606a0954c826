"""The chunked transfer coding of request bodies, strictly (RFC 9112 section 7.1), without any I/O."""

import math
import re
from enum import Enum, auto
from typing import Final

from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED: Final = rb'"(?:[\t\x20!\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_SPACE: Final = rb"[\t ]*+"
_VALUE: Final = rb"(?:" + _SPACE + rb"=" + _SPACE + rb"(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?+"
_EXTENSION: Final = _SPACE + rb";" + _SPACE + _TOKEN + _VALUE
#: chunk-size and extensions. Fifteen digits are 2**60 bytes: no client sends that, and none overflows.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})((?:" + _EXTENSION + rb")*+)")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    DONE = auto()


class ChunkedDecoder:
    """Turns chunked bytes, in whatever pieces they come, into body bytes.

    Trailer fields are checked and dropped: merged into the header fields they could override what was decided
    on those (RFC 9110 section 6.5.1).

    Attributes:
        received: bytes of body so far.
    """

    __slots__ = (
        "_allowed", "_buffer", "_left", "_limits", "_position", "_spare", "_state", "_trailers", "received",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self.received = 0
        self._limits = limits
        self._state = _State.SIZE
        self._buffer = b""
        self._position = 0  # read up to here; cutting the buffer at every chunk would cost its square
        self._left = 0  # bytes of the current chunk still to come
        self._trailers = 0  # bytes of trailers seen
        self._spare = limits.chunk_extensions  # bytes of extensions that may still come
        self._allowed = limits.request_body or math.inf  # bytes of body that chunks may still announce

    def __repr__(self) -> str:
        buffered = len(self._buffer) - self._position
        return f"<ChunkedDecoder {self._state.name} left={self._left} buffered={buffered}>"

    @property
    def done(self) -> bool:
        """Whether the last chunk and the trailers have been read."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> bytes:
        """Take more bytes and return the body bytes they complete, possibly none.

        Raises:
            RequestError: the coding is broken; the connection must be closed.
        """
        self._buffer = self._buffer + data if self._buffer else data
        parts: list[bytes] = []
        while self._step(parts):
            pass
        if self._state is not _State.DONE:
            self._buffer = self._buffer[self._position :]
            self._position = 0
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self.received += len(body)
        return body

    def take_rest(self) -> bytes:
        """Return the bytes that follow the body, once :attr:`done`."""
        rest = self._buffer[self._position :]
        self._buffer = b""
        self._position = 0
        return rest

    def _step(self, parts: list[bytes]) -> bool:
        """Advance by one element; False when more bytes are needed or nothing is left to do."""
        match self._state:
            case _State.SIZE:
                return self._read_size()
            case _State.DATA:
                return self._read_data(parts)
            case _State.DATA_END:
                return self._read_data_end()
            case _State.TRAILERS:
                return self._read_trailer()
            case _State.DONE:
                return False

    def _read_size(self) -> bool:
        line = self._read_line(self._limits.chunk_line, 400, "chunk-size line too long")
        if line is None:
            return False
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise RequestError(400, "invalid chunk size")
        self._left = int(match[1], 16)
        self._allowed -= self._left
        if self._allowed < 0:  # before any of this chunk is taken
            raise RequestError(413, "request body too large")
        self._spare += self._left - len(match[2])  # in all (RFC 9112 section 7.1.1), not of each chunk
        if self._spare < 0:
            raise RequestError(400, "chunk extensions too long")
        self._state = _State.DATA if self._left else _State.TRAILERS
        return True

    def _read_data(self, parts: list[bytes]) -> bool:
        data = self._buffer[self._position : self._position + self._left]
        if not data:
            return False
        parts.append(data)
        self._position += len(data)
        self._left -= len(data)
        if self._left:
            return False
        self._state = _State.DATA_END
        return True

    def _read_data_end(self) -> bool:
        end = self._buffer[self._position : self._position + 2]
        if end != b"\r\n":
            if b"\r\n".startswith(end):
                return False
            raise RequestError(400, "chunk data longer than its size")
        self._position += 2
        self._state = _State.SIZE
        return True

    def _read_trailer(self) -> bool:
        line = self._read_line(self._limits.trailers - self._trailers, 431, "trailer section too large")
        if line is None:
            return False
        if not line:
            self._state = _State.DONE
            return False
        if _TRAILER_LINE.fullmatch(line) is None:
            raise RequestError(400, "invalid trailer field")
        self._trailers += len(line) + 2
        return True

    def _read_line(self, limit: int, status: int, too_long: str) -> bytes | None:
        start = self._position
        end = self._buffer.find(b"\n", start, start + limit + 2)
        if end < 0:
            if len(self._buffer) - start >= limit + 2:
                raise RequestError(status, too_long)
            return None
        if self._buffer[end - 1 : end] != b"\r" or end == start:
            raise RequestError(400, "bare LF in the chunked coding")
        self._position = end + 1
        return self._buffer[start : end - 1]
