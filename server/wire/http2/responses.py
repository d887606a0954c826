"""What an HTTP/1.1 response says, for HTTP/2 to say it in its own way (RFC 9113 section 8), without any I/O.

What answers a request writes the bytes of an HTTP/1.1 response, whatever the client speaks: one encoder and
its checks are enough, and applications that speak HTTP/1.1 on a socket of their own need no other one. Here
these bytes are read as a client of HTTP/1.1 reads them (RFC 9112 section 6.3).
"""

from typing import Final

from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http2.chunks import ChunkReader
from hybrid.server.wire.http2.heads import Next, read_head
from hybrid.server.wire.http2.parts import END, Part, cut

#: Bytes of a head that does not end: far more than clients take.
_HEAD_SIZE: Final = 1024 * 1024

# Looked at for every response; through the class it takes CPython 3.11 three times as long.
_HEAD: Final = Next.HEAD
_LENGTH: Final = Next.LENGTH
_CHUNKED: Final = Next.CHUNKED
_CLOSE: Final = Next.CLOSE
_NOTHING: Final = Next.NOTHING


class ResponseReader:
    """Takes the bytes of the response to one request, cut anywhere, and says what they mean. Loop thread
    only.

    The parts are any number of interim heads, the final one, the body, and one end: a head that says so,
    trailers, or :data:`~hybrid.server.wire.http2.parts.END`. A 101 becomes a 200 (RFC 8441 section 5.1), and
    all that follows it is body. What comes behind the end is dropped, as by clients of HTTP/1.1.

    Args:
        method: of the request.
        websocket: whether the request is to open a WebSocket: 101 grants that, and no other status does.

    Attributes:
        complete: whether the end has been read.
    """

    __slots__ = ("_chunks", "_head_only", "_left", "_next", "_pending", "_websocket", "complete")

    _chunks: ChunkReader  # of a chunked body

    def __init__(self, method: str, *, websocket: bool = False) -> None:
        self.complete = False
        self._head_only = method == "HEAD"
        self._websocket = websocket
        self._next = _HEAD
        self._left = 0  # bytes of the body that are still to come
        self._pending: bytearray | None = None  # a head that has not ended

    def __repr__(self) -> str:
        return f"<ResponseReader {self._next.name} left={self._left} complete={self.complete}>"

    @property
    def raw(self) -> bool:
        """Whether all that follows is body, as it is, to the end: of a WebSocket, for one."""
        return self._next is _CLOSE

    def feed(self, data: bytes) -> list[Part]:
        """Take more of the response; return the parts that this completes.

        Large parts of the body are views of ``data``, or ``data`` itself.

        Raises:
            ResponseError: it is no response, or none that could be sent on. Nothing more is taken.
        """
        if type(data) is not bytes:
            data = bytes(data)  # of which nobody else can change what the parts are
        parts: list[Part] = []
        try:
            if self._next is _HEAD:
                self._read_heads(data, parts)
            elif data:
                self._read_body(data, 0, parts)
        except ResponseError:
            self._next = _NOTHING
            self._pending = None
            raise
        return parts

    def feed_eof(self) -> list[Part]:
        """Nothing follows. It ends a WebSocket, and a body of which nothing else says where it ends.

        Raises:
            ResponseError: the response is cut off.
        """
        if self.complete:
            return []
        ends, self._next = self._next is _CLOSE, _NOTHING
        if not ends:
            raise ResponseError("an HTTP/1.1 response that is cut off")
        self.complete = True
        return [END]

    def _read_heads(self, data: bytes, parts: list[Part]) -> None:
        """Read heads up to the final one, and what follows that."""
        if self._pending is not None:
            data = self._join(self._pending, data)
        start = 0
        while self._next is _HEAD:
            end = data.find(b"\r\n\r\n", start)
            if end < 0:
                self._keep(data[start:])
                return
            head, self._next, self._left = read_head(
                data[start:end], head_only=self._head_only, websocket=self._websocket
            )
            parts.append(head)
            start = end + 4
        if self._next is _NOTHING:
            self.complete = True
            return
        if self._next is _CHUNKED:
            self._chunks = ChunkReader()
        if start < len(data):
            self._read_body(data, start, parts)

    def _join(self, pending: bytearray, data: bytes) -> bytes:
        """Return a head that has not ended before together with what comes now, or nothing when it still does
        not end: looking at all of it for each byte would take its square.
        """
        known = max(0, len(pending) - 3)
        pending += data
        if pending.find(b"\r\n\r\n", known) < 0:
            _check_size(len(pending))
            return b""
        self._pending = None
        return bytes(pending)

    def _keep(self, data: bytes) -> None:
        if data:
            _check_size(len(data))
            self._pending = bytearray(data)

    def _read_body(self, data: bytes, start: int, parts: list[Part]) -> None:
        """Read what follows the final head, or is behind it all; there is at least one byte."""
        follows, size = self._next, len(data)
        if follows is _LENGTH:
            end = min(size, start + self._left)
            parts.append(data if end - start == size else cut(data, start, end))
            self._left -= end - start
            if not self._left:
                parts.append(END)
                self._finish()
        elif follows is _CHUNKED:
            if self._chunks.feed(data, start, parts):
                self._finish()
        elif follows is _CLOSE:
            parts.append(cut(data, start, size) if start else data)

    def _finish(self) -> None:
        self._next = _NOTHING
        self.complete = True


def _check_size(size: int) -> None:
    if size > _HEAD_SIZE:
        raise ResponseError("an HTTP/1.1 response with a head that does not end")
