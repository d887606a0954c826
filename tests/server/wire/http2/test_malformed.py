"""What RFC 9113 calls malformed, in the order of its section 8: only the stream ends."""

import pytest

from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http2.frames import ErrorCode, StreamFault
from hybrid.server.wire.http2.requests import read_request, read_trailers
from tests.support.http2_requests import Fields, request_fields

UPPER = [(b"X", b"1"), (b"x-Y", b"1"), (b"COOKIE", b"a=b")]
NAMES = [
    b"",
    b"a b",
    b"a\x00",
    b"a\r\nb",
    b"a\t",
    b" a",
    b"a ",
    b"a\x7f",
    b"a\x80",
    b"\xe4",
    b"a(b)",
    b'"',
    b"a/b",
    b"a:",
]
VALUES = [
    b"\x00", b"a\x00b", b"a\rb", b"a\nb", b"a\r\nhost: y", b"\n", b" a", b"a ", b"\ta", b"a\t", b" ", b"\t",
    b"a\x01", b"a\x1bb", b"a\x7f",
]  # fmt: skip
CONNECTION = [
    (b"connection", b"close"),
    (b"connection", b"upgrade"),
    (b"connection", b""),
    (b"proxy-connection", b"keep-alive"),
    (b"keep-alive", b"timeout=5"),
    (b"transfer-encoding", b"chunked"),
    (b"transfer-encoding", b"identity"),
    (b"upgrade", b"websocket"),
    (b"te", b"gzip"),
    (b"te", b"trailers, gzip"),
    (b"te", b"trailers;q=0.5"),
    (b"te", b""),
]


def _table() -> dict[str, Fields]:
    """Return malformed requests, each with the section that it breaks and what it is."""
    rows: dict[str, Fields] = {}
    for name, value in UPPER:
        rows[f"8.2.1 capitals in {name!r}"] = request_fields((name, value))
    for name in NAMES:
        rows[f"8.2.1 name {name!r}"] = request_fields((name, b"1"))
        rows[f"8.2.1 name {name!r} behind another"] = request_fields((b"a", b"1"), (name, b"1"), (b"b", b"1"))
    for value in VALUES:
        rows[f"8.2.1 value {value!r}"] = request_fields((b"a", value))
        rows[f"8.2.1 value {value!r} of a cookie"] = request_fields((b"cookie", b"a=b"), (b"cookie", value))
        rows[f"8.3 path {value!r}"] = request_fields(path=value if value[0] <= 32 else b"/" + value)
        rows[f"8.3 authority {value!r}"] = request_fields(authority=value)
        rows[f"8.3 method {value!r}"] = request_fields(method=value)
        rows[f"8.3 scheme {value!r}"] = request_fields(scheme=value)
    for name, value in CONNECTION:
        rows[f"8.2.2 {name.decode()} {value!r}"] = request_fields((b"a", b"1"), (name, value))
    rows["8.2.2 second te"] = request_fields((b"te", b"trailers"), (b"te", b"gzip"))
    for name in (b"method", b"scheme", b"authority", b"path"):
        field = b":" + name
        pair = (field, b"x")
        rows[f"8.3 {field.decode()} behind a field"] = [
            *request_fields((b"a", b"1"), **{name.decode(): None}), (field, b"GET"),
        ]  # fmt: skip
        rows[f"8.3 {field.decode()} twice"] = [pair, *request_fields()]
        rows[f"8.3 {field.decode()} twice, the same"] = [*request_fields(), *request_fields()[:4]]
        if name != b"authority":
            rows[f"8.3.1 no {field.decode()}"] = request_fields(**{name.decode(): None})
    rows["8.3 unknown pseudo-header field"] = request_fields(other=b"1")
    rows["8.3 nameless pseudo-header field"] = [(b":", b"1"), *request_fields()]
    rows["8.3 capitals in a pseudo-header field"] = [(b":Path", b"/"), *request_fields(path=None)]
    rows["8.3 of a response"] = request_fields(status=b"200")
    rows["8.3 of a response, behind a field"] = request_fields((b"a", b"1"), (b":status", b"200"))
    rows["8.3 nothing"] = []
    rows["8.3 no pseudo-header field"] = [(b"host", b"x")]
    rows["8.3.1 empty path"] = request_fields(path=b"")
    for path in (b"x", b"?a", b"http://x/", b"*", b"**", b"#", b"\xc3\xa4"):
        rows[f"8.3.1 path {path!r}"] = request_fields(path=path)
    rows["8.3.1 path of OPTIONS"] = request_fields(method=b"OPTIONS", path=b"*a")
    rows["8.3.1 empty method"] = request_fields(method=b"")
    rows["8.3.1 method that is no token"] = request_fields(method=b"GET/")
    rows["8.3.1 method with a target"] = request_fields(method=b"GET / HTTP/1.1")
    rows["8.3.1 user in the authority"] = request_fields(authority=b"me@x")
    rows["8.3.1 user and password in the authority"] = request_fields(authority=b"me:secret@x:80")
    rows["8.3.1 empty user in the authority"] = request_fields(authority=b"@x")
    rows["8.3.1 another host"] = request_fields((b"host", b"y"))
    rows["8.3.1 another port"] = request_fields((b"host", b"x:81"))
    rows["8.3.1 another default port"] = request_fields((b"host", b"x:443"))
    rows["8.3.1 another host, second"] = request_fields((b"host", b"x"), (b"host", b"y"))
    rows["8.3.1 empty host"] = request_fields((b"host", b""))
    rows["8.3.1 empty authority with a host"] = request_fields((b"host", b"x"), authority=b"")
    rows["8.5 CONNECT with a path"] = request_fields(method=b"CONNECT", scheme=None)
    rows["8.5 CONNECT with a scheme"] = request_fields(method=b"CONNECT", path=None)
    rows["8.5 CONNECT to nobody"] = request_fields(method=b"CONNECT", path=None, scheme=None, authority=None)
    rows["RFC 8441 4 :protocol of GET"] = request_fields(protocol=b"websocket")
    rows["RFC 8441 4 no path"] = request_fields(method=b"CONNECT", protocol=b"websocket", path=None)
    rows["RFC 8441 4 no scheme"] = request_fields(method=b"CONNECT", protocol=b"websocket", scheme=None)
    rows["RFC 8441 4 asterisk"] = request_fields(method=b"CONNECT", protocol=b"websocket", path=b"*")
    return rows


MALFORMED = _table()


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_malformed(fields: Fields) -> None:
    """A malformed request ends its stream with PROTOCOL_ERROR (RFC 9113 section 8.1.1)."""
    with pytest.raises(StreamFault) as caught:
        read_request(fields, Limits())
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize("pseudo", [b":method", b":path", b":authority", b":scheme"], ids=bytes.decode)
def test_reason_of_repeated_pseudo_fields(pseudo: bytes) -> None:
    """The log says which rule was broken: a repeated pseudo-header field is not one behind others."""
    with pytest.raises(StreamFault, match="repeated pseudo-header field"):
        read_request([(pseudo, b"/"), *request_fields((b"a", b"1"))], Limits())


TRAILERS = {
    "8.1 pseudo-header field": (b":path", b"/"),
    "8.2.1 capitals": (b"A", b"1"),
    "8.2.1 value": (b"a", b"1\n"),
    "8.2.2 connection": (b"connection", b"close"),
}


@pytest.mark.parametrize("field", TRAILERS.values(), ids=TRAILERS)
def test_malformed_trailers(field: tuple[bytes, bytes]) -> None:
    """Trailers are as strict as the fields before them, and have no pseudo-header fields (section 8.1)."""
    with pytest.raises(StreamFault) as caught:
        read_trailers([(b"a", b"1"), field], Limits())
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


def test_trailers() -> None:
    """Trailers that are not malformed come out as they were sent."""
    fields = [(b"a", b"1"), (b"x-checksum", b"abc"), (b"a", b"")]
    assert read_trailers(fields, Limits()) == fields
    assert read_trailers((), Limits()) == []


def test_large_trailers() -> None:
    """The limit on trailers is that of HTTP/1.1, and counts their lines as there."""
    fields = [(b"a", b"12345"), (b"b", b"12345")]
    assert read_trailers(fields, Limits(trailers=20)) == fields
    with pytest.raises(RequestError, match="431"):
        read_trailers(fields, Limits(trailers=19))


#: What looks malformed, and is not.
WELL_FORMED = {
    "8.2.1 names": ((b"!#$%&'*+-.^_`|~09az", b"1"),),
    "8.2.1 values": ((b"a", b""), (b"b", b"a b\tc"), (b"c", b"\xc3\xa4\xff"), (b"d", b"::[]{}\"'\\")),
    "8.2.2 te": ((b"te", b"trailers"), (b"te", b"Trailers")),
    "8.3.1 host": ((b"host", b"x"),),
    "8.3.1 host in capitals": ((b"host", b"X"),),
    "8.3.1 host with the port of the scheme": ((b"host", b"x:80"),),
    "8.3.1 host with an empty port": ((b"host", b"x:"),),
}


@pytest.mark.parametrize("fields", WELL_FORMED.values(), ids=WELL_FORMED)
def test_not_malformed(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    """Fields are refused for what they are, and no more."""
    expected = [(b"host", b"x"), *(field for field in fields if field[0] != b"host")]
    assert read_request(request_fields(*fields), Limits()).headers == expected


def test_host_with_the_port_of_https() -> None:
    """The port that the scheme says already makes no other host (RFC 3986 section 6.2.3)."""
    fields = request_fields((b"host", b"X.example"), scheme=b"https", authority=b"x.EXAMPLE:443")
    assert read_request(fields, Limits()).headers == [(b"host", b"x.EXAMPLE:443")]
