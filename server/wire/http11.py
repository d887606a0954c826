"""HTTP/1.1 requests out of bytes (RFC 9112), strictly and without any I/O.

:mod:`hybrid.server.wire.head` splits the head; what that lets through and a proxy in front might read
differently is refused here, and the framing of the body is decided here. ``docs/design.md`` has the table
that led to this division. Every error closes the connection: after an ambiguous request nobody knows where
the next one starts.
"""

import re
from collections.abc import Callable
from typing import Final

from hybrid.bridge.types import Headers, Memo
from hybrid.server.limits import Limits
from hybrid.server.wire.chunked import ChunkedDecoder
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.head import parse_head
from hybrid.server.wire.target import TargetParts, is_host, read_absolute_form, split_target

#: One space between the parts, no fragment, only ASCII (RFC 9112 section 3). CONNECT is for proxies.
_REQUEST_LINE = re.compile(rb"(?!CONNECT )([!-~]+) ([!\"$-~]+) HTTP/1\.[0-9]\r\n")
#: What the usual request begins with: method and target in origin-form.
_SIMPLE_LINE = re.compile(rb"(?!CONNECT )([A-Z]{3,20}) (/[!\"$-~]*)(?= )")
#: Bytes of version and fields that are remembered on a connection.
_KNOWN_TAIL_SIZE: Final = 2048
_CONNECTION_KEEPS: Final = {b"keep-alive": True, b"Keep-Alive": True, b"close": False, b"Close": False}
_HTTP_VERSION = ("1.0", "1.1")
#: Eighteen digits are below 2**63: longer ones would overflow somewhere on the way.
_CONTENT_LENGTH_DIGITS = 18


#: Request lines without their version that were found valid, by their bytes. Popular pages are asked for
#: again and again, on whatever connection. A full store starts anew.
_known_lines: dict[bytes, tuple[str, bytes, TargetParts]] = {}
_KNOWN_LINES_LIMIT: Final = 1024
_KNOWN_LINE_SIZE: Final = 256


class Request:
    """The head of one request.

    Attributes:
        method: as sent, a token in upper case (RFC 9110 section 9).
        target: the path and query in origin-form, or ``*``; absolute-form has been reduced to this.
        http_version: ``"1.1"``, ``"1.0"`` or ``"2"``.
        headers: fields in order, names in lower case.
        fields: the last value of each field name, for look-ups.
        keep_alive: whether the client lets the connection live on after the response.
        parts: the target's parts, when they are known already.
        memo: shared with the requests that repeat the version and fields of this one on its connection; None
            for one that has a body.
    """

    __slots__ = ("fields", "headers", "http_version", "keep_alive", "memo", "method", "parts", "target")

    def __init__(
        self,
        method: str,
        target: bytes,
        http_version: str,
        headers: Headers,
        fields: dict[bytes, bytes] | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.http_version = http_version
        self.headers = headers
        self.fields = dict(headers) if fields is None else fields
        self.keep_alive = True
        self.memo: Memo | None = None
        self.parts: TargetParts | None = None

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.target!r} HTTP/{self.http_version}>"

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for ``100 Continue`` before it sends the body (RFC 9110 section
        10.1.1).
        """
        return (
            b"expect" in self.fields
            and self.http_version != "1.0"
            and b"100-continue" in list_tokens(self.headers, b"expect")
        )


def list_tokens(headers: Headers, name: bytes) -> list[bytes]:
    """Return the members of a comma-separated field, in lower case, from all its lines (RFC 9110 section
    5.6.1).
    """
    members = [
        part.strip(b" \t").lower() for key, value in headers if key == name for part in value.split(b",")
    ]
    return [member for member in members if member]


def wants_websocket(request: Request) -> bool:
    """Tell whether a request asks for a WebSocket by an upgrade, which there is only in HTTP/1.1 (RFC 9110
    section 7.8): HTTP/2 has :class:`hybrid.server.wire.http2.requests.Connect`.

    :func:`hybrid.server.wire.websocket.handshake.read_handshake` checks the rest.
    """
    return (
        request.http_version == "1.1"
        and b"websocket" in list_tokens(request.headers, b"upgrade")
        and b"upgrade" in list_tokens(request.headers, b"connection")
    )


class RequestParser:
    """Cuts the bytes of one connection into requests and their bodies.

    Pull, not push: nothing is parsed before it is asked for, so that pipelined requests wait as bytes. The
    order of calls is :meth:`next_request`, with the bytes that come, until it returns one; then :meth:`feed`
    and :meth:`read_body` until :attr:`body_complete`; and again.

    Args:
        limits: what a client may send.
        check_underscores: called with a request that has field names with underscores, to take them out or
            refuse it.
        check_scheme: called with the scheme of a target in absolute-form, to refuse it.

    Attributes:
        waiting: bytes that have not been asked for.
        body_complete: whether the body of the current request has been read to its end.
    """

    __slots__ = (
        "_check_scheme", "_check_underscores", "_chunked", "_host", "_known", "_known_headers", "_known_tail",
        "_last", "_left", "_limits", "_room", "_seen", "body_complete", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        limits: Limits,
        check_underscores: Callable[[Request], object] | None = None,
        check_scheme: Callable[[str], object] | None = None,
    ) -> None:
        self._limits = limits
        self._check_underscores = check_underscores
        self._check_scheme = check_scheme
        self.waiting = b""
        self.body_complete = True
        self._seen = 0  # bytes of an incomplete head that have been looked at
        self._left = 0  # bytes of a body with Content-Length still to come
        self._chunked: ChunkedDecoder | None = None
        self._host: bytes | None = b"\0"  # the last Host that was found valid
        self._known_tail = b"\0"  # version and fields of the last request, as they were sent
        self._known: Request | None = None  # what they meant
        self._known_headers: Headers = []  # a copy: what an application does to its own must not come back
        self._last = False  # whether no request keeps the connection
        self._room = 0  # bytes of method and target that the limits allow before these fields

    def __repr__(self) -> str:
        return f"<RequestParser waiting={len(self.waiting)} left={self._left} chunked={self._chunked}>"

    @property
    def body_position(self) -> int:
        """A number that grows by one with each byte of the current body that has been read."""
        return -self._left if self._chunked is None else self._chunked.received

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        self.waiting = self.waiting + data if self.waiting else data

    def take_rest(self) -> bytes:
        """Return the bytes after the current request: whoever takes the connection over starts with them."""
        rest, self.waiting = self.waiting, b""
        return rest

    def let_next_be_last(self) -> None:
        """Let the connection end with the next request, whatever that says."""
        self._last = True
        self._known_tail = b"\0"  # not as the one before

    def next_request(self, data: bytes = b"") -> Request | None:
        """Take bytes from the client, and return the next request, or None while its head is incomplete.

        Raises:
            RequestError: the head is malformed, ambiguous or over a limit.
        """
        if not self.waiting and data.endswith(self._known_tail):  # the usual case: all of one request
            size = len(data) - len(self._known_tail)
            known = _known_lines.get(data[:size])
            if known is not None and size <= self._room:
                return self._repeat(*known)
        buffer = self.waiting + data if self.waiting else data
        if not buffer:
            return None
        line = _SIMPLE_LINE.match(buffer)
        if line is not None and buffer.startswith(self._known_tail, line.end()) and line.end() <= self._room:
            return self._repeat_with(buffer, line)
        try:
            head = parse_head(buffer, self._seen, self._limits)
            if head is None:
                self.waiting = buffer
                self._seen = len(buffer)
                return None
            self._seen = 0
            end = head.consumed
            self.waiting = buffer[end:]
            line = _REQUEST_LINE.match(buffer)
            if line is None:
                return self._look_again(buffer)
            # A bare LF ends a line for the C parser; who disagrees sees other lines (RFC 9112 section 2.2).
            if buffer.count(b"\r", line.end(), end) != head.header_count + 1:
                raise RequestError(400, "bare LF in the request head")
            method, target = line.groups()
            version = _HTTP_VERSION[head.minor_version]
            request = Request(method.decode("ascii"), target, version, head.asgi_headers)
            self._check(request)
            if self.body_complete and request.target is target and end - line.end(2) <= _KNOWN_TAIL_SIZE:
                self._remember(request, buffer[line.end(2) : end])
        except RequestError as error:
            error.line = error.line or buffer.partition(b"\r\n")[0]
            raise
        return request

    def _remember(self, request: Request, tail: bytes) -> None:
        request.memo = {}
        self._known = request
        self._known_headers = request.headers.copy()
        self._known_tail = tail
        limits = self._limits
        self._room = min(limits.request_line - len(" HTTP/1.1"), limits.request_head - len(tail))

    def _repeat_with(self, buffer: bytes, line: re.Match[bytes]) -> Request:
        """Make a request whose fields are known, with a line that may not be."""
        method, target = line.groups()
        known = method.decode("ascii"), target, split_target(target)
        if line.end() <= _KNOWN_LINE_SIZE:
            if len(_known_lines) >= _KNOWN_LINES_LIMIT:
                _known_lines.clear()
            _known_lines[line[0]] = known
        self.waiting = buffer[line.end() + len(self._known_tail) :]
        self._seen = 0
        return self._repeat(*known)

    def _repeat(self, method: str, target: bytes, parts: TargetParts) -> Request:
        """Make a request whose version and fields are byte for byte those of the one before.

        Clients repeat themselves: on a connection that is kept alive the usual request differs from the one
        before in its target alone.
        """
        known = self._known
        assert known is not None
        request = Request(method, target, known.http_version, self._known_headers.copy(), known.fields)
        request.keep_alive = known.keep_alive
        request.memo = known.memo
        request.parts = parts
        return request

    def read_body(self) -> bytes:
        """Return the body bytes that have come since the last call, possibly none.

        Raises:
            RequestError: the chunked coding is broken.
        """
        data = self.waiting
        if self._chunked is not None:
            body = self._chunked.feed(data)
            self.waiting = b""
            if self._chunked.done:
                self.waiting = self._chunked.take_rest()
                self._chunked = None
                self.body_complete = True
            return body
        if len(data) > self._left:
            body, self.waiting = data[: self._left], data[self._left :]
        else:
            body, self.waiting = data, b""
        self._left -= len(body)
        self.body_complete = not self._left
        return body

    def _look_again(self, buffer: bytes) -> Request | None:
        """Skip one empty line, which old clients send after a body (RFC 9112 section 2.2), or refuse it.

        The C parser has let one pass, and no more, but did not see the length of the line after it.
        """
        if buffer.startswith(b"\r\n"):
            self.waiting = b""
            return self.next_request(buffer[2:])
        if buffer.startswith(b"CONNECT "):
            raise RequestError(501, "CONNECT is not supported")
        raise RequestError(400, "malformed request line")

    def _check(self, request: Request) -> None:
        """Refuse what is ambiguous, and find out what follows the head."""
        fields = request.fields
        if b"" in fields:  # the C parser's name for a continuation line (RFC 9112 section 5.2)
            raise RequestError(400, "obsolete line folding")
        if b"_" in b"".join(fields) and self._check_underscores is not None:
            self._check_underscores(request)
        if fields.get(b"host") != self._host:
            self._check_host(request)
        if not request.target.startswith(b"/"):
            self._reduce_target(request)
        request.keep_alive = _keeps_alive(request) and not self._last
        if b"expect" in fields:
            check_expectations(request)
        if b"content-length" in fields or b"transfer-encoding" in fields:
            self._frame_body(request)

    def _check_host(self, request: Request) -> None:
        """RFC 9112 section 3.2: exactly one valid Host in HTTP/1.1. The C parser has refused a repeated
        one.
        """
        host = request.fields.get(b"host")
        if host is None:
            if request.http_version == "1.1":
                raise RequestError(400, "missing Host")
        elif not is_host(host):
            raise RequestError(400, "invalid Host")
        else:
            self._host = host

    def _reduce_target(self, request: Request) -> None:
        """Bring absolute-form to origin-form; its authority replaces Host (RFC 9112 section 3.2.2)."""
        if request.target == b"*":
            return
        absolute = read_absolute_form(request.target)
        if absolute is None:
            raise RequestError(400, "invalid request target")
        if self._check_scheme is not None:
            self._check_scheme(absolute.scheme)
        request.headers = [
            (b"host", absolute.authority),
            *((name, value) for name, value in request.headers if name != b"host"),
        ]
        request.fields[b"host"] = absolute.authority
        request.target = absolute.reduced(request.method)

    def _frame_body(self, request: Request) -> None:
        """Decide where the body ends (RFC 9112 section 6.3)."""
        length = request.fields.get(b"content-length")
        if b"transfer-encoding" in request.fields:
            self._check_transfer_encoding(request)
            self._chunked = ChunkedDecoder(self._limits)
            self.body_complete = False
        elif length is not None:
            self._left = read_length(length, self._limits)
            self.body_complete = not self._left

    def _check_transfer_encoding(self, request: Request) -> None:
        if request.http_version == "1.0":
            raise RequestError(400, "Transfer-Encoding in HTTP/1.0")
        if b"content-length" in request.fields:
            raise RequestError(400, "both Content-Length and Transfer-Encoding")
        # An empty member means nothing (RFC 9110 section 5.6.1), but parsers disagree about it, ours with its
        # own earlier versions: a coding that two could read in two ways is refused.
        lines = [value for name, value in request.headers if name == b"transfer-encoding"]
        codings = [coding.strip(b" \t").lower() for coding in b",".join(lines).split(b",")]
        if codings != [b"chunked"]:
            if all(codings) and codings[-1] == b"chunked" and codings.count(b"chunked") == 1:
                raise RequestError(501, "transfer coding not supported")
            raise RequestError(400, "invalid Transfer-Encoding")


def read_length(value: bytes, limits: Limits) -> int:
    """Read Content-Length (RFC 9110 section 8.6), and refuse what is none, or too much."""
    if not value.isdigit() or len(value) > _CONTENT_LENGTH_DIGITS:
        raise RequestError(400, "invalid Content-Length")
    length = int(value)
    if 0 < limits.request_body < length:
        raise RequestError(413, "request body too large")
    return length


def check_expectations(request: Request) -> None:
    """Refuse what cannot be met. HTTP/1.0 cannot expect anything (RFC 9110 section 10.1.1)."""
    expected = list_tokens(request.headers, b"expect")
    if request.http_version != "1.0" and expected.count(b"100-continue") != len(expected):
        raise RequestError(417, "expectation not supported")


def _keeps_alive(request: Request) -> bool:
    """RFC 9112 section 9.3: the default of the version, unless the Connection field says otherwise."""
    value = request.fields.get(b"connection")
    if value is None:
        return request.http_version == "1.1"
    if len(request.fields) == len(request.headers):
        known = _CONNECTION_KEEPS.get(value)
        if known is not None:
            return known
    tokens = list_tokens(request.headers, b"connection")
    if b"close" in tokens:
        return False
    return request.http_version == "1.1" or b"keep-alive" in tokens
