"""The wrapper around the C parser of request heads; what the RFC says of heads is in tests/conformance."""

import pytest

from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.head import parse_head

HEAD = b"GET /path HTTP/1.1\r\nHost: x\r\nAccept: a\r\n\r\n"
LIMITS = Limits()


def test_parses_a_head() -> None:
    """The parts are given as bytes, names in lower case, and the size of the head."""
    head = parse_head(HEAD + b"body", 0, LIMITS)
    assert head is not None
    assert (head.method, head.path, head.minor_version) == (b"GET", b"/path", 1)
    assert head.asgi_headers == [(b"host", b"x"), (b"accept", b"a")]
    assert (head.header_count, head.consumed) == (2, len(HEAD))


def test_incomplete_heads() -> None:
    """While a head is incomplete there is none, whatever was seen of it before."""
    for end in range(1, len(HEAD)):
        for seen in range(end):
            assert parse_head(HEAD[:end], seen, LIMITS) is None
    for seen in range(len(HEAD)):
        assert parse_head(HEAD, seen, LIMITS) is not None


@pytest.mark.parametrize(
    ("limits", "status", "reason"),
    [
        (LIMITS._replace(request_line=17), 414, "request line too long"),
        (LIMITS._replace(request_fields=1), 431, "too many header fields, or one too large"),
        (LIMITS._replace(request_field_size=9), 431, "too many header fields, or one too large"),
        (LIMITS._replace(request_head=len(HEAD) - 1), 431, "request head too large"),
    ],
)
def test_limits(limits: Limits, status: int, reason: str) -> None:
    """Each limit has its status and says what was too much."""
    with pytest.raises(RequestError) as raised:
        parse_head(HEAD, 0, limits)
    assert (raised.value.status, raised.value.reason) == (status, reason)


def test_limits_are_the_largest_allowed() -> None:
    """What is exactly as large as a limit is let in."""
    limits = Limits(request_line=18, request_fields=2, request_field_size=11, request_head=len(HEAD))
    assert parse_head(HEAD, 0, limits) is not None


@pytest.mark.parametrize(("size", "refused"), [(8191, False), (8192, True)])
def test_request_line_that_does_not_end(size: int, refused: bool) -> None:
    """A line without an end is refused when it is over the limit, not when its end comes."""
    data = b"G" * size
    if refused:
        with pytest.raises(RequestError, match="414"):
            parse_head(data, 1, LIMITS)
    else:
        assert parse_head(data, 1, LIMITS) is None


@pytest.mark.parametrize(("size", "refused"), [(65536, False), (65537, True)])
def test_head_that_does_not_end(size: int, refused: bool) -> None:
    """So is a head without an end."""
    data = b"GET / HTTP/1.1\r\nA: ".ljust(size, b"a")
    if refused:
        with pytest.raises(RequestError, match="431"):
            parse_head(data, 1, LIMITS)
    else:
        assert parse_head(data, 1, LIMITS) is None


@pytest.mark.parametrize("count", [101, 256, 257, 1000])
def test_many_fields(count: int) -> None:
    """Too many fields are 431, also where the C parser has no room for them and only says that it failed."""
    data = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * count + b"\r\n"
    with pytest.raises(RequestError, match="431"):
        parse_head(data, 0, LIMITS)


@pytest.mark.parametrize(
    ("version", "status"),
    [(b"HTTP/2.0", 505), (b"HTTP/0.9", 505), (b"HTTP/3", 400), (b"HTTP/1.11", 400)],
)
@pytest.mark.parametrize("rest", [b"\r\nHost: x\r\n\r\n", b"\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n"])
def test_other_versions(version: bytes, status: int, rest: bytes) -> None:
    """A version that is one is 505, and what only looks like one is 400, whatever follows."""
    with pytest.raises(RequestError, match=str(status)):
        parse_head(b"GET / " + version + rest, 0, LIMITS)


@pytest.mark.parametrize("before", [b"", b"\r\n"])
@pytest.mark.parametrize("version", [b"HTTP/1.2", b"HTTP/1.9"])
def test_later_versions(version: bytes, before: bytes) -> None:
    """A later HTTP/1 is read as HTTP/1.1, in whatever pieces (RFC 9110 section 2.5)."""
    data = before + HEAD.replace(b"HTTP/1.1", version)
    for end in range(1, len(data)):
        assert parse_head(data[:end], 0, LIMITS) is None
        assert parse_head(data[:end], end - 1, LIMITS) is None
    head = parse_head(data, len(data) - 1, LIMITS)
    assert head is not None
    assert (head.method, head.minor_version, head.consumed) == (b"GET", 1, len(data))
    with pytest.raises(RequestError, match="400"):
        parse_head(data.replace(b"Host", b"Ho st"), 0, LIMITS)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"get / HTTP/1.1", 501),
        (b"get / HTTP/1.7", 501),
        (b"G# / HTTP/1.1", 501),
        (b"get / HTTP/2.0", 505),
        (b"g(t / HTTP/1.1", 400),
        (b"get /a b HTTP/1.1", 400),
        (b"GET /a b HTTP/1.1", 400),
    ],
)
def test_methods(line: bytes, status: int) -> None:
    """A method that is one, and that is not for us, is 501; what is no request line is 400."""
    with pytest.raises(RequestError, match=str(status)):
        parse_head(line + b"\r\nHost: x\r\n\r\n", 0, LIMITS)


def test_error_says_nothing_that_the_client_sent() -> None:
    """What a client sends does not get into the log or the response by way of an error."""
    with pytest.raises(RequestError) as raised:
        parse_head(b"GET / HTTP/1.1\r\n<script>\r\n\r\n", 0, LIMITS)
    assert str(raised.value) == "400 Bad Request: malformed request"
