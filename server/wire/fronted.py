"""What stands in front of a response's encoder while more is due than parts of a body."""

from collections.abc import Iterable
from typing import Final

from hybrid.bridge.errors import ProtocolError
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http11 import Request, list_tokens
from hybrid.server.wire.response import Field, ResponseEncoder, field_line

#: What must not be said after the body (RFC 9110 section 6.5.1): framing, routing, request modifiers,
#: authentication, what controls the response, and how the content is to be read.
FORBIDDEN_TRAILERS: Final = frozenset(
    (
        b"transfer-encoding", b"content-length", b"connection", b"keep-alive", b"proxy-connection", b"te",
        b"trailer", b"upgrade", b"host", b"max-forwards", b"expect", b"range", b"cache-control", b"pragma",
        b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range",
        b"authorization", b"www-authenticate", b"proxy-authorization", b"proxy-authenticate", b"cookie",
        b"set-cookie", b"age", b"date", b"expires", b"location", b"retry-after", b"vary", b"warning",
        b"content-encoding", b"content-type", b"content-range",
    )
)  # fmt: skip


class FrontedEncoder:
    """An encoder that stands in front of another one, and takes parts of the body as that does.

    Args:
        inner: the encoder of the response, or what stands in front of it already.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: "Encoder") -> None:
        self.inner = inner

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.inner!r}>"

    @property
    def status(self) -> int:
        """The status."""
        return self.inner.status

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may carry another request after this response."""
        return self.inner.keep_alive

    @keep_alive.setter
    def keep_alive(self, value: bool) -> None:
        self.inner.keep_alive = value

    @property
    def head_sent(self) -> bool:
        """Whether the head has been given away."""
        return self.inner.head_sent

    @property
    def size(self) -> int:
        """Bytes of the body, see the encoder."""
        return self.inner.size

    @property
    def sent(self) -> int:
        """Bytes of the body that have been encoded so far."""
        return self.inner.sent

    @property
    def sends_body(self) -> bool:
        """Whether what is encoded of a body is sent."""
        return self.inner.sends_body

    @property
    def chunks(self) -> bool:
        """Whether a body of which only a part is known is sent in chunks."""
        return self.inner.chunks

    @property
    def complete(self) -> bool:
        """Whether the last byte has been encoded."""
        return self.inner.complete

    def encode(self, data: bytes, more: bool) -> bytes:
        """Return the bytes to send for a part of the body."""
        return self.inner.encode(data, more)

    def encode_around(self, count: int, *, more: bool = False) -> tuple[bytes, bytes]:
        """Return what goes before and after a part that does not pass through here."""
        return self.inner.encode_around(count, more=more)

    def note_sent(self, count: int) -> None:
        """So many bytes of such a part have been sent."""
        self.inner.note_sent(count)


#: What takes the parts of a response's body.
Encoder = ResponseEncoder | FrontedEncoder


class TrailedEncoder(FrontedEncoder):
    """Ends a response with trailer fields (RFC 9112 section 7.1.2), which come when the body is over.

    They are sent where they can be and the client asks for them: in chunks, to who says ``TE: trailers`` (RFC
    9110 section 6.5.1). Elsewhere they are dropped, once they have been checked, and the body is sent as it
    would be without them.

    Args:
        inner: the encoder of the body.
        request: what is answered.
    """

    __slots__ = ("_begun", "_body_over", "_complete", "_sends")

    def __init__(self, inner: "Encoder", request: Request) -> None:
        super().__init__(inner)
        self._sends = inner.chunks and b"trailers" in list_tokens(request.headers, b"te")
        self._body_over = False
        self._begun = False  # whether any field has been taken
        self._complete = False

    @property
    def due(self) -> bool:
        """Whether the body is over, and the fields are due."""
        return self._body_over and not self._complete

    @property
    def complete(self) -> bool:
        """Whether the last byte, and not only that of the body, has been encoded."""
        return self._complete

    def encode(self, data: bytes, more: bool) -> bytes:
        """Return the bytes to send for a part of the body.

        Raises:
            ProtocolError: the body is over.
            ResponseError: it does not have the length that its Content-Length says.
        """
        self._check_due()
        encoded = self.inner.encode(data, more or self._sends)
        self._body_over = not more
        return encoded

    def encode_around(self, count: int, *, more: bool = False) -> tuple[bytes, bytes]:
        """Return what goes before and after a part that does not pass through here; raises as
        :meth:`encode`.
        """
        self._check_due()
        around = self.inner.encode_around(count, more=more or self._sends)
        self._body_over = not more
        return around

    def encode_trailers(self, fields: Iterable[Field], more: bool) -> bytes:
        """Return the bytes to send for some fields, and with the last of them for the end of the response.

        Raises:
            ResponseError: a field must not be there, would inject another one, or is not bytes.
        """
        lines = [_trailer_line(name, value) for name, value in fields]
        begun, self._begun = self._begun, True
        self._complete = not more
        if not self._sends:
            return b""
        return b"".join((b"" if begun else b"0\r\n", *lines, b"" if more else b"\r\n"))

    def _check_due(self) -> None:
        if self._body_over:
            raise ProtocolError("a part of the body was sent, but http.response.trailers is due")


class BusyEncoder(FrontedEncoder):
    """Stands there while a part of the body is on its way that others must not overtake."""

    __slots__ = ()

    def encode(self, data: bytes, more: bool) -> bytes:
        """Refuse.

        Raises:
            ProtocolError: always.
        """
        raise ProtocolError("a part of the body was sent while another one is still being sent")

    def encode_around(self, count: int, *, more: bool = False) -> tuple[bytes, bytes]:
        """Refuse, as :meth:`encode` does."""
        return self.encode(b"", more), b""


def _trailer_line(name: bytes, value: bytes) -> bytes:
    line = field_line(name, value)
    if name.lower() in FORBIDDEN_TRAILERS:
        raise ResponseError(f"{name!r} must not be a trailer field (RFC 9110 section 6.5.1)")
    return line
