"""One response's bytes on an HTTP/1.1 connection (RFC 9112), without any I/O."""

import re
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, NamedTuple

from hybrid.bridge.types import Headers
from hybrid.server.wire.errors import ResponseError

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_REASON = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FINAL_STATUSES: Final = [status for status in HTTPStatus if status >= 200]
#: Status lines by status and reason phrase, of the standard phrases, which are also used when there is none.
_STATUS_LINES: Final = {
    (status.value, phrase): b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in _FINAL_STATUSES
    for phrase in (None, status.phrase)
}
#: The interim response that asks for a body which the client holds back (RFC 9110 section 15.2.1).
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Fields that decide framing and connection, or are sent anyway: looked at each time.
_SPECIAL: Final = frozenset({b"content-length", b"transfer-encoding", b"connection", b"date", b"server"})
#: Fields whose values differ from response to response, or are nobody else's business: not remembered.
_VOLATILE: Final = frozenset({b"set-cookie", b"location", b"etag", b"last-modified", b"expires", b"www-authenticate"})
#: Fields that were found valid, as they stand on the wire. Most responses carry the same few again and again.
_known_lines: dict[tuple[bytes, bytes], bytes] = {}
_KNOWN_LINES_LIMIT: Final = 1024
_KNOWN_LINE_SIZE: Final = 256


class DefaultFields(NamedTuple):
    """The ``Date`` and ``Server`` lines that a response gets unless the application sends its own."""

    date: bytes
    server: bytes


class _Framing(Enum):
    """How the client finds the end of the body (RFC 9112 section 6.3)."""

    UNDECIDED = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    NO_BODY = auto()


class ResponseEncoder:
    """Turns one response into bytes and decides whether the connection can live on.

    The order is :meth:`start`, then :meth:`encode` until it is given ``more=False``. The head leaves together with the
    first part of the body: a response of one part is one write, and its Content-Length is known.

    Attributes:
        keep_alive: whether the connection may carry another request after this response.
        status: the status that was started; 0 before.
        head_sent: whether :meth:`encode` has given the head away, after which the status cannot change.
        complete: whether the last byte has been encoded.
        sent: bytes of body encoded so far, without their framing.
    """

    __slots__ = (
        "_framing", "_head", "_head_only", "_left", "_seen", "_version",
        "complete", "head_sent", "keep_alive", "sent", "status",
    )  # fmt: skip

    def __init__(self, method: str, http_version: str, *, keep_alive: bool) -> None:
        self._head_only = method == "HEAD"
        self._version = http_version
        self._head: list[bytes] = []
        self._framing = _Framing.UNDECIDED
        self._left = 0  # bytes of the announced Content-Length still to come
        self._seen: set[bytes] = set()  # special fields that the application has sent
        self.keep_alive = keep_alive
        self.status = 0
        self.sent = 0
        self.head_sent = False
        self.complete = False

    def __repr__(self) -> str:
        return f"<ResponseEncoder {self.status} {self._framing.name} sent={self.sent} complete={self.complete}>"

    def start(self, status: int, reason: str | None, headers: Headers, defaults: DefaultFields) -> None:
        """Take status and header fields; may be called again until the head has been sent.

        Args:
            status: three digits, 200 to 599.
            reason: the phrase to send, or None for the standard one.
            headers: fields in order. Content-Length is checked against the body; Transfer-Encoding is dropped, as the
                ASGI specification asks; ``Connection: close`` is honoured.
            defaults: the lines used for fields that are not among the headers.

        Raises:
            ResponseError: a value would break the framing, inject a field, or is not bytes.
        """
        self._framing = _Framing.UNDECIDED
        if self._seen:
            self._seen = set()
        head = [_status_line(status, reason)]
        for name, value in headers:
            line = _known_lines.get((name, value)) or self._field_line(name, value)
            head.append(line)
        if not self._seen or b"date" not in self._seen:
            head.append(defaults.date)
        if not self._seen or b"server" not in self._seen:
            head.append(defaults.server)
        if status in (204, 304):
            self._framing = _Framing.NO_BODY
        if status == 204 and b"content-length" in self._seen:  # RFC 9110 section 8.6 forbids it
            head = [line for line in head if not line.lower().startswith(b"content-length:")]
        self._head = head
        self.status = status

    def encode(self, data: bytes, more: bool) -> bytes:
        """Return the bytes to send for a part of the body, with the head before the first; ``b""`` is allowed.

        Args:
            data: the part, which may be empty.
            more: whether other parts follow.

        Raises:
            ResponseError: the body does not have the length that its Content-Length says.
        """
        if self.complete:
            if data and not self._head_only:
                raise ResponseError("the body is longer than its Content-Length")
            return b""
        if self.head_sent:
            return self._encode_body(data, more)
        if self._framing is _Framing.UNDECIDED:
            self._decide_framing(data, more)
        body = self._encode_body(data, more)
        head = self._head
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        elif self._version == "1.0":
            head.append(b"connection: keep-alive\r\n")
        head.append(b"\r\n")
        head.append(body)
        self.head_sent = True
        self._head = []
        return b"".join(head)

    def _decide_framing(self, data: bytes, more: bool) -> None:
        """Choose for a body of unknown length; the head of a HEAD response says what GET's would, where that is known."""
        if not more:
            self._framing = _Framing.LENGTH
            self._left = len(data)
            if data or not self._head_only:
                self._head.append(b"content-length: %d\r\n" % len(data))
        elif self._version == "1.1":
            self._framing = _Framing.CHUNKED
            self._head.append(b"transfer-encoding: chunked\r\n")
        else:
            self._framing = _Framing.CLOSE
            self.keep_alive = self.keep_alive and self._head_only

    def _encode_body(self, data: bytes, more: bool) -> bytes:
        size = len(data)
        framing = self._framing
        if framing is _Framing.LENGTH and not self._head_only:
            if size > self._left:
                raise ResponseError("the body is longer than its Content-Length")
            if size < self._left and not more:
                raise ResponseError("the body is shorter than its Content-Length")
            self._left -= size
            more = more and self._left > 0
        self.complete = not more
        if self._head_only or framing is _Framing.NO_BODY:
            return b""
        self.sent += size
        if framing is _Framing.CHUNKED:
            return _chunk(data, more)
        return data

    def _field_line(self, name: bytes, value: bytes) -> bytes:
        """Check one field, note what it means, and return its line; ``b""`` for one that is not sent on."""
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise ResponseError(f"header name and value must be bytes, not {name!r}: {value!r}")
        if _TOKEN.fullmatch(name) is None:
            raise ResponseError(f"invalid header name {name!r}")
        if _VALUE.fullmatch(value) is None:
            raise ResponseError(f"invalid character in the value of header {name!r}")
        lower = name.lower()
        if lower in _SPECIAL and not self._note_special(lower, value):
            return b""
        line = b"%b: %b\r\n" % (name, value)
        if lower not in _SPECIAL and lower not in _VOLATILE and len(line) <= _KNOWN_LINE_SIZE:
            if len(_known_lines) < _KNOWN_LINES_LIMIT:
                _known_lines[name, value] = line
        return line

    def _note_special(self, name: bytes, value: bytes) -> bool:
        """Take in a field that decides framing or connection; False when the encoder writes it itself."""
        if name == b"content-length":
            if name in self._seen or not value.isdigit():
                raise ResponseError(f"invalid or repeated Content-Length {value!r}")
            self._framing = _Framing.LENGTH
            self._left = int(value)
        elif name == b"connection":
            if b"close" in value.lower():
                self.keep_alive = False
        self._seen.add(name)
        return name in (b"content-length", b"date", b"server")


def refusal(
    encoder: ResponseEncoder, status: int, reason: str, defaults: DefaultFields, extra: Headers | None = None
) -> bytes:
    """Encode a short response in plain text that the server gives itself, after which the connection closes."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *(extra or ())]
    encoder.start(status, None, headers, defaults)
    return encoder.encode(reason.encode("ascii"), False)


def _status_line(status: int, reason: str | None) -> bytes:
    line = _STATUS_LINES.get((status, reason))
    if line is not None:
        return line
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
