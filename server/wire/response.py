"""One response's bytes on an HTTP/1.1 connection (RFC 9112), without any I/O.

A response to a request of HTTP/2 is written as one of HTTP/1.1: :mod:`hybrid.server.wire.http2.responses`
reads it, and says the same in frames.
"""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

from hybrid.bridge.types import BODILESS, ResponseHead
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http11 import Request

#: The field that tells a refused client the seconds after which it may try again (RFC 9110 section 10.2.3).
RETRY_AFTER: Final = (b"retry-after", b"1")

#: A header field: name and value.
Field = tuple[bytes, bytes]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_REASON = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FINAL_STATUSES: Final = [status for status in HTTPStatus if status >= 200]
#: Status lines by status, and by status and reason phrase, of the standard phrases.
_status_lines: Final = {
    key: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in _FINAL_STATUSES
    for key in (status.value, (status.value, status.phrase))
}.get
#: The interim response that asks for a body which the client holds back (RFC 9110 section 15.2.1).
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Fields that the server sends unless the application does.
_default_names: Final = {b"date", b"server"}
#: Fields that decide framing and connection, or are sent anyway: looked at each time.
_special: Final = {b"content-length", b"transfer-encoding", b"connection", *_default_names}
#: Fields whose values differ from response to response, or are nobody else's business: not remembered.
_VOLATILE: Final = frozenset(
    {b"set-cookie", b"location", b"etag", b"last-modified", b"expires", b"www-authenticate"}
)
_NONE: Final[frozenset[bytes]] = frozenset()
#: Fields that were found valid, as they stand on the wire. Most responses carry the same few again and again.
_known_lines: dict[tuple[bytes, bytes], bytes] = {}
_known_line = _known_lines.get
_KNOWN_LINES_LIMIT: Final = 1024
_KNOWN_LINE_SIZE: Final = 256


_PLAIN_GET: Final = Request("GET", b"/", "1.1", [])


#: The lines that a response gets unless the application sends fields of the same name: names in lower case.
DefaultFields = tuple[bytes, ...]


def note_default_names(names: Iterable[bytes]) -> None:
    """Look for these fields, names in lower case, in every response from now on: they may be among the
    default ones.

    For the whole process, since valid fields are remembered for the whole process: the fields of an
    application that are not default ones cost no look-up, and one that is becomes as rare a case as a
    ``Date`` of its own.
    """
    _default_names.update(names)
    _special.update(names)
    for field in list(_known_lines):  # workers add to it
        if field[0].lower() in _special:
            _known_lines.pop(field, None)


def without(defaults: DefaultFields, names: AbstractSet[bytes]) -> list[bytes]:
    """Return the default lines of fields that the application has not sent itself."""
    return [line for line in defaults if line.partition(b":")[0] not in names]


class _Framing(Enum):
    """How the client finds the end of the body (RFC 9112 section 6.3)."""

    UNDECIDED = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    NO_BODY = auto()


# Looked at for every response; through the class it takes CPython 3.11 three times as long.
_UNDECIDED: Final = _Framing.UNDECIDED
_LENGTH: Final = _Framing.LENGTH
_NO_BODY: Final = _Framing.NO_BODY


class ResponseEncoder:
    """Turns one response into bytes and decides whether the connection can live on.

    The head leaves together with the first part of the body: a response of one part is one write, and its
    Content-Length is known.

    Args:
        request: what is answered; decides whether there is a body, and how it may be framed.
        status: 200 to 599.
        reason: the phrase to send, or None for the standard one.
        headers: fields in order. Content-Length is checked against the body; Transfer-Encoding is dropped, as
            the ASGI specification asks; ``Connection: close`` is honoured.
        defaults: the lines used for fields that are not among the headers.

    Attributes:
        keep_alive: whether the connection may carry another request after this response.
        status: the status.
        complete: whether the last byte has been encoded.
        size: bytes of the body, without its coding: of one whose length is known from the beginning, all of
            them; of another one, those that have been encoded.

    Raises:
        ResponseError: a value would break the framing, inject a field, or is not bytes.
    """

    __slots__ = ("_framing", "_head", "_left", "_own", "_request", "complete", "keep_alive", "size", "status")

    def __init__(
        self,
        request: Request,
        status: int,
        reason: str | None,
        headers: Iterable[Field],
        defaults: DefaultFields,
    ) -> None:
        self.status = status
        self.keep_alive = request.keep_alive
        self.complete = False
        self._request = request
        self._framing = _UNDECIDED
        self._left = self.size = 0  # bytes of the announced Content-Length still to come
        self._own = _NONE  # which of the default fields the application sends itself
        line = _status_lines(status if reason is None else (status, reason))
        if line is None or type(status) is not int:  # 200.0 is found, too
            line = _status_line(status, reason)
        head = [line]
        for field in headers:
            try:
                line = _known_line(field)
            except TypeError:  # a list is a pair too, but cannot be looked up
                line = None
            head.append(line or self._field_line(field))
        head += without(defaults, self._own) if self._own else defaults
        self._head: list[bytes] | None = head
        if status in BODILESS:
            self._leave_body_out(status)

    def __repr__(self) -> str:
        return f"<ResponseEncoder {self.status} {self._framing.name} complete={self.complete}>"

    @property
    def head_sent(self) -> bool:
        """Whether :meth:`encode` has given the head away, after which there is no other response."""
        return self._head is None

    def encode(self, data: bytes, more: bool) -> bytes:
        """Return the bytes to send for a part of the body, with the head before the first; it may be empty.

        Args:
            data: the part, which may be empty.
            more: whether other parts follow. A body that has its announced length is complete all the same.

        Raises:
            ResponseError: the body does not have the length that its Content-Length says.
        """
        head = self._head
        if head is None:
            return self._encode_body(data, more)
        if self._framing is _UNDECIDED:
            self._decide_framing(head, data, more)
        body = self._encode_body(data, more)  # before the head is touched: it may raise
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        elif self._request.http_version == "1.0":
            head.append(b"connection: keep-alive\r\n")
        head.append(b"\r\n")
        head.append(body)
        encoded = b"".join(head)
        self._head = None
        return encoded

    def fixed_head(self) -> bytes:
        """Return the head without default fields and end; ``b""`` when what goes there depends on more than
        the length of the body.
        """
        if self._head is None or self._own or self._framing is _NO_BODY or not self.keep_alive:
            return b""
        return b"".join(self._head)

    @property
    def sent(self) -> int:
        """Bytes of the body that have been encoded so far."""
        return self.size - self._left if self._framing is _LENGTH else self.size

    @property
    def sends_body(self) -> bool:
        """Whether what is encoded of a body is sent (RFC 9110 section 6.4.1)."""
        return self._request.method != "HEAD" and self._framing is not _NO_BODY

    @property
    def chunks(self) -> bool:
        """Whether a body of which only a part is known is sent in chunks, or the first has been."""
        if self._framing is _UNDECIDED:
            return self._request.method != "HEAD" and self._request.http_version != "1.0"
        return self._framing is _Framing.CHUNKED

    def encode_around(self, count: int, *, more: bool = False) -> tuple[bytes, bytes]:
        """Return what to send before and after ``count`` bytes of the body, at least one, which do not pass
        through here: those of a file. When they are sent, :meth:`note_sent` is owed.

        Args:
            count: the number of bytes.
            more: whether other parts follow.

        Raises:
            ResponseError: there is no body, or it does not have the length that its Content-Length says.
        """
        if not self.sends_body:
            raise ResponseError("a response without a body was given a file")
        if self._framing is _UNDECIDED and self._head is not None and not more:
            self._framing = _LENGTH
            self._left = self.size = count
            self._head.append(b"content-length: %d\r\n" % count)
        left = self._left - count
        if self._framing is _LENGTH and (left < 0 or (left and not more)):
            raise ResponseError(f"{self._left} bytes of the body are missing, and the file has {count}")
        before = self.encode(b"", True)
        self._left = left
        if self._framing is not _LENGTH:
            self.size += count
        self.complete = not left if self._framing is _LENGTH else not more
        if self._framing is _Framing.CHUNKED:
            return before + b"%x\r\n" % count, b"\r\n" if more else b"\r\n0\r\n\r\n"
        return before, b""

    def note_sent(self, count: int) -> None:
        """So many of the bytes that do not pass through here have been sent. Who counts them takes them
        now.
        """

    def _decide_framing(self, head: list[bytes], data: bytes, more: bool) -> None:
        """Choose for a body of unknown length. A HEAD response says what GET's would, where that is known."""
        head_only = self._request.method == "HEAD"
        if not more:
            self._framing = _LENGTH
            self._left = self.size = len(data)
            if data or not head_only:
                head.append(b"content-length: %d\r\n" % len(data))
        elif self._request.http_version != "1.0":
            self._framing = _Framing.CHUNKED
            head.append(b"transfer-encoding: chunked\r\n")
        else:
            self._framing = _Framing.CLOSE
            self.keep_alive = self.keep_alive and head_only

    def _encode_body(self, data: bytes, more: bool) -> bytes:
        if self._request.method == "HEAD" or self._framing is _NO_BODY:
            self.size = 0
            self.complete = not more
            return b""
        if self._framing is _LENGTH:
            left = self._left - len(data)
            if left < 0:
                raise ResponseError("the body is longer than its Content-Length")
            if left and not more:
                raise ResponseError("the body is shorter than its Content-Length")
            self._left = left
            self.complete = not left
            return data
        self.size += len(data)
        self.complete = not more
        return _chunk(data, more) if self._framing is _Framing.CHUNKED else data

    def _field_line(self, field: Field) -> bytes:
        """Check one field, note what it means, and return its line; ``b""`` for one that is not sent on."""
        name, value = field
        if name == b"content-length" and self._framing is _UNDECIDED and value.isdigit():
            self._framing = _LENGTH
            self._left = self.size = int(value)
            return b"content-length: " + value + b"\r\n"
        line = field_line(name, value)
        lower = name.lower()
        if lower in _special:
            return self._take_special(lower, value, line)
        if (
            lower not in _VOLATILE
            and len(line) <= _KNOWN_LINE_SIZE
            and len(_known_lines) < _KNOWN_LINES_LIMIT
        ):
            _known_lines[name, value] = line
        return line

    def _take_special(self, name: bytes, value: bytes, line: bytes) -> bytes:
        """Take in a field that decides the framing or the connection, or that is sent anyway."""
        if name == b"content-length":
            if self._framing is _LENGTH or not value.isdigit():
                raise ResponseError(f"invalid or repeated Content-Length {value!r}")
            self._framing = _LENGTH
            self._left = self.size = int(value)
            return line
        if name in _default_names:
            self._own |= {name}
            return line
        if name == b"connection" and b"close" in value.lower():
            self.keep_alive = False
        return b""

    def _leave_body_out(self, status: int) -> None:
        """A 204 must not have a Content-Length (RFC 9110 section 8.6); to a 205, which is framed as any other
        response, it says that there is no body (section 15.3.6).
        """
        self._framing = _NO_BODY
        if status != 304 and self._head is not None:
            self._head = [line for line in self._head if not line.lower().startswith(b"content-length:")]
        if status == 205 and self._head is not None:
            self._head.append(b"content-length: 0\r\n")


def field_line(name: bytes, value: bytes) -> bytes:
    """Return the line of a field.

    Raises:
        ResponseError: it would inject another field, or is not bytes.
    """
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        raise ResponseError(f"header name and value must be bytes, not {name!r}: {value!r}")
    if _TOKEN.fullmatch(name) is None:
        raise ResponseError(f"invalid header name {name!r}")
    if _VALUE.fullmatch(value) is None:
        raise ResponseError(f"invalid character in the value of header {name!r}")
    return b"%b: %b\r\n" % (name, value)


def wire_head(head: ResponseHead) -> bytes:
    """Encode a head once for all responses of HTTP/1.1 that have it, and after which the connection goes on:
    what stands before the default fields, a Content-Length that is not in it, the empty line and the body.

    Returns:
        ``b""`` for a head that does not allow that, and needs an encoder for each response.

    Raises:
        ResponseError: as :class:`ResponseEncoder`.
    """
    encoder = ResponseEncoder(_PLAIN_GET, head.status, head.reason, head.headers, ())
    return encoder.fixed_head()


def refusal(
    request: Request | None, status: int, reason: str, defaults: DefaultFields, extra: Iterable[Field] = ()
) -> bytes:
    """Encode a short response in plain text that the server gives itself, after which the connection closes.

    ``request`` is None where there was none that could be understood.
    """
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *extra]
    encoder = ResponseEncoder(request or _PLAIN_GET, status, None, headers, defaults)
    return encoder.encode(reason.encode("ascii"), False)


def interim(status: int, headers: Iterable[Field]) -> bytes:
    """Encode an interim response, which goes ahead of the final one (RFC 9110 section 15.2). The fields have
    been checked.
    """
    lines = b"".join(b"%b: %b\r\n" % field for field in headers)
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, HTTPStatus(status).phrase.encode(), lines)


def _status_line(status: int, reason: str | None) -> bytes:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ResponseError(f"response status {status!r} is not a number from 200 to 599")
    if _REASON.fullmatch(reason or "") is None:
        raise ResponseError(f"invalid reason phrase {reason!r}")
    return b"HTTP/1.1 %d %b\r\n" % (status, (reason or "").encode("latin-1"))


def _chunk(data: bytes, more: bool) -> bytes:
    """RFC 9112 section 7.1. An empty part is no chunk: a chunk of size 0 would end the body."""
    if not data:
        return b"" if more else b"0\r\n\r\n"
    return b"%x\r\n%b\r\n%b" % (len(data), data, b"" if more else b"0\r\n\r\n")
