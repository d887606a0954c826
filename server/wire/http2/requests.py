"""Requests out of the fields of HTTP/2 (RFC 9113 section 8), as strict as those of HTTP/1.1.

What section 8.1.1 calls malformed ends the stream with RST_STREAM and nothing else: a client that speaks
HTTP/2 so has a fault, or wants to smuggle something past a server that hands on to HTTP/1.1. What HTTP itself
forbids, or is over a limit, is answered, as in HTTP/1.1.
"""

import re
from collections.abc import Callable
from typing import Final

from hybrid.bridge.types import Headers
from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http2.blocks import Block
from hybrid.server.wire.http2.malformed import (
    DEFAULT_PORTS,
    Fields,
    PseudoFields,
    check_authority,
    check_fields,
    read_line,
    split_fields,
)
from hybrid.server.wire.http11 import Request, check_expectations, read_length
from hybrid.server.wire.target import is_host, split_target

UnderscoreCheck = Callable[[Request], object]
SchemeCheck = Callable[[str], object]

#: Methods are tokens; which of them are taken is as in HTTP/1.1, see :mod:`hybrid.server.wire.head`.
_KNOWN_METHOD = re.compile(rb"[!$%&'*+\-.^_`|~0-9A-Z]{3,20}")
#: Path and query: visible ASCII without the fragment, which is the client's own affair.
_PATH = re.compile(rb"/[!\"$-~]*")
#: What a request line of HTTP/1.1 has besides its method and target.
_LINE_REST: Final = len("  HTTP/1.1")
#: What a field line has besides its name and value, ``: `` and its end.
_FIELD_REST: Final = 4


class Connect(Request):
    """An extended CONNECT (RFC 8441): the stream is to speak another protocol once it is answered with 200.

    Its :attr:`method` is GET, as of the request that asks for the same in HTTP/1.1.

    Attributes:
        protocol: ``"websocket"``; all others are refused.
    """

    __slots__ = ("protocol",)

    protocol: str


class RequestReader:
    """Makes requests of the header blocks of one connection; what the client repeats is not checked again.

    A block that comes again is a request that is known; one that differs from the block before in its path
    alone has fields that are.

    Args:
        limits: as for :func:`read_request`.
        check_underscores: as there; with the same fields it does the same.
        check_scheme: as there.
    """

    __slots__ = ("_before", "_check_scheme", "_check_underscores", "_fields", "_limits", "_place", "_room")

    def __init__(
        self,
        limits: Limits,
        check_underscores: UnderscoreCheck | None = None,
        check_scheme: SchemeCheck | None = None,
    ) -> None:
        self._limits = limits
        self._check_underscores = check_underscores
        self._check_scheme = check_scheme
        self._before: Request | None = None  # the last one that was checked, which nobody else has
        self._fields: Fields = ()  # those it was made of
        self._place = 0  # where its path is among them
        self._room = 0  # the longest path that the limits allow with its other fields

    def __repr__(self) -> str:
        return f"<RequestReader after {self._before!r}>"

    def read(self, block: Block, *, has_body: bool) -> Request:
        """Make a request of the block that begins a stream.

        Args:
            block: as it was decoded.
            has_body: whether the stream goes on after it.

        Raises:
            StreamFault: the request is malformed.
            RequestError: it is to be answered with an error.
        """
        known: Request | None = block.memo
        if known is None:
            known = self._repeat_with(block.fields) or self._read(block.fields)
            if type(known) is Connect:  # rare, and as large as what follows makes it
                return known
            block.memo = known
        request = Request(known.method, known.target, "2", known.headers.copy(), known.fields)
        request.parts = known.parts
        if not has_body:
            request.memo = known.memo
        return request

    def _read(self, fields: Fields) -> Request:
        request, spare = _read(fields, self._limits, self._check_underscores, self._check_scheme)
        if type(request) is not Connect:
            request.memo = {}
            self._before = request
            self._fields = fields
            self._place = next(place for place, (name, _) in enumerate(fields) if name == b":path")
            self._room = len(request.target) + spare
        return request

    def _repeat_with(self, fields: Fields) -> Request | None:
        """Make a request whose fields are known, with a path that may not be; None if there is more to it."""
        before, place = self._before, self._place
        if before is None or len(fields) != len(self._fields):
            return None
        name, path = fields[place]
        if (
            name != b":path"
            or fields[:place] != self._fields[:place]
            or fields[place + 1 :] != self._fields[place + 1 :]
            or _PATH.fullmatch(path) is None
            or len(path) > self._room
        ):
            return None
        request = Request(before.method, path, "2", before.headers, before.fields)
        request.parts = split_target(path)
        request.memo = before.memo
        return request


def read_request(
    fields: Fields,
    limits: Limits,
    check_underscores: UnderscoreCheck | None = None,
    check_scheme: SchemeCheck | None = None,
) -> Request:
    """Make a request of the fields that begin a stream.

    ``host``, made of ``:authority``, comes first among its fields; those with cookies become one (section
    8.2.3). :attr:`~hybrid.server.wire.http11.Request.keep_alive` is true.

    Args:
        fields: with the pseudo-header fields.
        limits: on the request as it would be in HTTP/1.1.
        check_underscores: called with a request that has field names with underscores, to take them out or
            refuse it.
        check_scheme: called with the scheme, to refuse it. Nothing else comes of what the client says there.

    Raises:
        StreamFault: the request is malformed (section 8.1.1).
        RequestError: it is to be answered with an error.
    """
    return _read(fields, limits, check_underscores, check_scheme)[0]


def read_trailers(fields: Fields, limits: Limits) -> Headers:
    """Check the fields that come after a body (section 8.1), and return them.

    Raises:
        StreamFault: they are malformed.
        RequestError: 431, they are larger than the limit.
    """
    check_fields(fields)
    if sum(len(name) + len(value) + _FIELD_REST for name, value in fields) > limits.trailers:
        raise RequestError(431, "trailer section too large")
    return list(fields)


def content_length(request: Request) -> int | None:
    """Return how long a request says that its body is, which has been checked to be a number."""
    value = request.fields.get(b"content-length")
    return None if value is None else int(value)


def _read(
    fields: Fields,
    limits: Limits,
    check_underscores: UnderscoreCheck | None,
    check_scheme: SchemeCheck | None,
) -> tuple[Request, int]:
    """Do as :func:`read_request`, and return too by how much the path might have been longer."""
    pseudo, rest = split_fields(fields)
    check_fields(rest)
    method, path = read_line(pseudo)
    try:
        headers = [(b"host", _read_authority(pseudo, rest)), *_join_cookies(rest)]
        request = _make(pseudo, method, path, headers)
        spare = _measure(request, limits)
        _check(request, limits, check_underscores)
        if check_scheme is not None:
            check_scheme(_read_scheme(pseudo).decode("ascii"))
    except RequestError as error:
        error.line = b"%s %s HTTP/2" % (method, path)
        raise
    return request, spare


def _read_authority(pseudo: PseudoFields, rest: Fields) -> bytes:
    """Return who is asked: ``:authority``, or else Host."""
    hosts = [value for name, value in rest if name == b"host"]
    check_authority(pseudo, hosts)
    if len(hosts) > 1:
        raise RequestError(400, "repeated Host")
    host = pseudo.get(b":authority", hosts[0] if hosts else None)
    if host is None:
        raise RequestError(400, "missing Host")
    if not host or not is_host(host):  # with nobody in it, there is no such URI (RFC 9110 section 4.2.1)
        raise RequestError(400, "invalid Host")
    return host


def _read_scheme(pseudo: PseudoFields) -> bytes:
    scheme = pseudo[b":scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise RequestError(400, "scheme not supported")
    return scheme


def _join_cookies(rest: Fields) -> Headers:
    """Return the fields without Host, and with one Cookie in place of the first of many (section 8.2.3)."""
    cookies = [value for name, value in rest if name == b"cookie"]
    headers = [field for field in rest if field[0] != b"host"]
    if len(cookies) < 2:
        return headers
    place = next(place for place, (name, _) in enumerate(headers) if name == b"cookie")
    headers = [field for field in headers if field[0] != b"cookie"]
    headers.insert(place, (b"cookie", b"; ".join(cookies)))
    return headers


def _make(pseudo: PseudoFields, method: bytes, path: bytes, headers: Headers) -> Request:
    """Make the request, of its kind."""
    if method == b"CONNECT":
        if pseudo.get(b":protocol", b"").lower() != b"websocket":
            raise RequestError(501, "CONNECT is not supported")
        request: Request = Connect("GET", path, "2", headers)
        assert isinstance(request, Connect)
        request.protocol = "websocket"
    elif _KNOWN_METHOD.fullmatch(method) is None:
        raise RequestError(501, "method not supported")
    else:
        request = Request(method.decode("ascii"), path, "2", headers)
    return request


def _measure(request: Request, limits: Limits) -> int:
    """Refuse a request that would be too large in HTTP/1.1; return by how much its path may be longer."""
    line = len(request.method) + len(request.target) + _LINE_REST
    if line > limits.request_line:
        raise RequestError(414, "request line too long")
    sizes = [len(name) + len(value) + _FIELD_REST for name, value in request.headers]
    if len(sizes) > limits.request_fields or max(sizes) > limits.request_field_size:
        raise RequestError(431, "too many header fields, or one too large")
    head = line + sum(sizes) + len("\r\n\r\n")
    if head > limits.request_head:
        raise RequestError(431, "request head too large")
    return min(limits.request_line - line, limits.request_head - head)


def _check(request: Request, limits: Limits, check_underscores: UnderscoreCheck | None) -> None:
    """Refuse what HTTP forbids, as of requests of HTTP/1.1."""
    if request.target != b"*" and _PATH.fullmatch(request.target) is None:
        raise RequestError(400, "invalid request target")
    fields = request.fields
    if check_underscores is not None and b"_" in b"".join(fields):
        check_underscores(request)
    if b"expect" in fields:
        check_expectations(request)
    if b"content-length" in fields:
        if sum(name == b"content-length" for name, _ in request.headers) > 1:
            raise RequestError(400, "repeated Content-Length")
        read_length(fields[b"content-length"], limits)
    request.parts = split_target(request.target)
