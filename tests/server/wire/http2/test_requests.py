"""Requests out of header blocks: what they mean, what is refused, and what is remembered of them."""

import h2.config
import h2.connection
import h2.exceptions
import pytest
from hpack import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http2.blocks import Block, BlockDecoder, OversizedList
from hybrid.server.wire.http2.frames import (
    PREFACE,
    ConnectionFault,
    StreamFault,
    header_frames,
    settings_frame,
)
from hybrid.server.wire.http2.requests import Connect, RequestReader, content_length, read_request
from hybrid.server.wire.http11 import Request, wants_websocket
from hybrid.server.wire.target import split_target
from tests.support.http2_requests import (
    COOKIES,
    HOSTS,
    NAMES,
    PSEUDO,
    VALUES,
    Fields,
    Sent,
    encoded,
    request_fields,
    requests,
)
from tests.support.http_requests import PIECES
from tests.support.requests import in_clear


def read(*fields: tuple[bytes, bytes], limits: Limits | None = None, **pseudo: bytes | None) -> Request:
    """Read a request that is usual but for what is given."""
    return read_request(request_fields(*fields, **pseudo), limits or Limits())


def facts(request: Request) -> object:
    """Return what a request says, for comparisons."""
    return (
        type(request), request.method, request.target, request.http_version, request.headers, request.fields,
        request.keep_alive, request.parts,
    )  # fmt: skip


def refusal(
    *fields: tuple[bytes, bytes], limits: Limits | None = None, **pseudo: bytes | None
) -> RequestError:
    """Return the error that a request is answered with."""
    with pytest.raises(RequestError) as caught:
        read(*fields, limits=limits, **pseudo)
    return caught.value


# What a request means (RFC 9113 section 8).


@given(requests())
def test_comes_out_as_sent(sent: Sent) -> None:
    """A request that an independent encoder wrote comes out as it was sent."""
    block = BlockDecoder(4096, 65536).decode(encoded(Encoder(), sent.fields))
    request = RequestReader(Limits()).read(block, has_body=False)
    assert (request.method, request.target, request.http_version) == (sent.method, sent.target, "2")
    assert request.headers == sent.headers
    assert request.fields == dict(sent.headers)
    assert request.parts == split_target(sent.target)
    assert request.keep_alive


@given(st.lists(requests(), min_size=1, max_size=4))
@settings(deadline=None)
def test_comes_out_as_h2_sends_it(sent: list[Sent]) -> None:
    """So do requests that another implementation sends on one connection."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    client.initiate_connection()
    client.clear_outbound_data_buffer()
    decoder, reader = BlockDecoder(4096, 65536), RequestReader(Limits())
    for each in sent:
        fields = [(name, value) for name, value in each.fields if name != b"host"]
        if (b":authority", each.headers[0][1]) not in fields:
            fields.insert(0, (b":authority", each.headers[0][1]))
        client.send_headers(client.get_next_available_stream_id(), fields, end_stream=True)
        block = client.data_to_send()[9:]
        request = reader.read(decoder.decode(block), has_body=False)
        assert (request.method, request.target, request.headers) == (each.method, each.target, each.headers)


def test_cookies() -> None:
    """Fields with parts of cookies become one, where the first was, joined as a browser would join them (RFC
    9113 section 8.2.3).
    """
    request = read(
        (b"a", b"1"), (b"cookie", b"a=b"), (b"b", b"2"), (b"cookie", b"c=d; e=f"), (b"cookie", b"g=h")
    )
    assert request.headers == [
        (b"host", b"x"),
        (b"a", b"1"),
        (b"cookie", b"a=b; c=d; e=f; g=h"),
        (b"b", b"2"),
    ]
    assert request.fields[b"cookie"] == b"a=b; c=d; e=f; g=h"


def test_authority() -> None:
    """``:authority`` is the Host of the request, as it was written, and comes first (RFC 9113 section
    8.3.1).
    """
    request = read((b"a", b"1"), (b"host", b"example.org"), authority=b"Example.org:80")
    assert request.headers == [(b"host", b"Example.org:80"), (b"a", b"1")]


def test_host_alone() -> None:
    """Without ``:authority``, as of a proxy that translates from HTTP/1.1, Host is."""
    request = read((b"a", b"1"), (b"host", b"example.org"), authority=None)
    assert request.headers == [(b"host", b"example.org"), (b"a", b"1")]


def test_asterisk() -> None:
    """OPTIONS may ask about the whole server (RFC 9113 section 8.3.1)."""
    request = read(method=b"OPTIONS", path=b"*")
    assert (request.method, request.target) == ("OPTIONS", b"*")


def test_repeated_fields() -> None:
    """All other fields keep their order and their repeats."""
    fields = ((b"accept", b"a"), (b"via", b"1"), (b"accept", b"b"))
    request = read(*fields)
    assert request.headers[1:] == list(fields)
    assert request.fields[b"accept"] == b"b"


def test_expecting_continue() -> None:
    """HTTP/2 has 100 Continue, and nothing is upgraded in it."""
    request = read((b"expect", b"100-Continue"))
    assert request.expects_continue
    assert not read().expects_continue
    assert not wants_websocket(
        Request("GET", b"/", "2", [(b"upgrade", b"websocket"), (b"connection", b"upgrade")])
    )


def test_content_length() -> None:
    """Content-Length is a number, or is not there."""
    assert content_length(read((b"content-length", b"012"))) == 12
    assert content_length(read((b"content-length", b"0"))) == 0
    assert content_length(read()) is None


def test_scheme() -> None:
    """The scheme is for whoever may refuse it, in small letters; nothing else comes of it."""
    seen: list[str] = []
    request = read_request(request_fields(scheme=b"HTTPS"), Limits(), check_scheme=seen.append)
    assert seen == ["https"]
    assert facts(request) == facts(read())


def test_underscores() -> None:
    """Whoever has something against field names with underscores sees a request that has them, once."""
    seen: list[Request] = []

    def drop(request: Request) -> None:
        seen.append(request)
        request.headers = [each for each in request.headers if b"_" not in each[0]]

    assert read_request(request_fields((b"a", b"b_c")), Limits(), drop).headers == [
        (b"host", b"x"),
        (b"a", b"b_c"),
    ]
    assert not seen
    assert read_request(request_fields((b"a_b", b"c")), Limits(), drop).headers == [(b"host", b"x")]
    assert len(seen) == 1


# Extended CONNECT (RFC 8441).


@pytest.mark.parametrize("protocol", [b"websocket", b"WebSocket"], ids=bytes.decode)
def test_websocket(protocol: bytes) -> None:
    """A WebSocket is asked for by CONNECT with a protocol, and is a GET to those who ask."""
    fields = ((b"sec-websocket-version", b"13"), (b"cookie", b"a=b"), (b"cookie", b"c=d"))
    request = read(*fields, method=b"CONNECT", protocol=protocol, scheme=b"https", path=b"/chat?a")
    assert isinstance(request, Connect)
    assert request.protocol == "websocket"
    assert (request.method, request.target, request.http_version) == ("GET", b"/chat?a", "2")
    assert request.headers == [(b"host", b"x"), (b"sec-websocket-version", b"13"), (b"cookie", b"a=b; c=d")]
    assert not wants_websocket(request)


def test_websocket_twice() -> None:
    """A WebSocket that is asked for again, or after a GET that is the same otherwise, is one."""
    reader = RequestReader(Limits())
    fields = request_fields(method=b"CONNECT", protocol=b"websocket")
    block, get = Block(tuple(fields)), Block(tuple(request_fields()))
    kinds = [type(reader.read(each, has_body=True)) for each in (block, get, block, get)]
    assert kinds == [Connect, Request, Connect, Request]


# What is answered with an error.

REFUSED = {
    "missing Host": (400, request_fields(authority=None)),
    "empty authority": (400, request_fields(authority=b"")),
    "empty Host": (400, request_fields((b"host", b""), authority=None)),
    "space in the authority": (400, request_fields(authority=b"a b")),
    "comma in the authority": (400, request_fields(authority=b"a,b")),
    "path in the authority": (400, request_fields(authority=b"a/b")),
    "large port": (400, request_fields(authority=b"x:65536")),
    "invalid Host": (400, request_fields((b"host", b"a b"), authority=None)),
    "user in Host": (400, request_fields((b"host", b"me@x"), authority=None)),
    "repeated Host": (400, request_fields((b"host", b"x"), (b"host", b"x"))),
    "repeated Host alone": (400, request_fields((b"host", b"x"), (b"host", b"x"), authority=None)),
    "space in the path": (400, request_fields(path=b"/a b")),
    "line in the path": (400, request_fields(path=b"/a HTTP/1.1")),
    "tab in the path": (400, request_fields(path=b"/a\tb")),
    "fragment in the path": (400, request_fields(path=b"/a#b")),
    "bytes in the path": (400, request_fields(path=b"/\xc3\xa4")),
    "scheme": (400, request_fields(scheme=b"ftp")),
    "empty scheme": (400, request_fields(scheme=b"")),
    "https": (421, request_fields(scheme=b"https")),
    "small letters in the method": (501, request_fields(method=b"get")),
    "short method": (501, request_fields(method=b"GO")),
    "long method": (501, request_fields(method=b"A" * 21)),
    "CONNECT": (501, request_fields(method=b"CONNECT", scheme=None, path=None)),
    "CONNECT to another protocol": (501, request_fields(method=b"CONNECT", protocol=b"connect-udp")),
    "expectation": (417, request_fields((b"expect", b"200-ok"))),
    "two expectations": (417, request_fields((b"expect", b"100-continue"), (b"expect", b"more"))),
    "Content-Length of nothing": (400, request_fields((b"content-length", b""))),
    "Content-Length with a sign": (400, request_fields((b"content-length", b"+1"))),
    "Content-Length below 0": (400, request_fields((b"content-length", b"-1"))),
    "Content-Length of two": (400, request_fields((b"content-length", b"1, 1"))),
    "Content-Length twice": (400, request_fields((b"content-length", b"1"), (b"content-length", b"1"))),
    "other Content-Length": (400, request_fields((b"content-length", b"1"), (b"content-length", b"2"))),
    "large Content-Length": (400, request_fields((b"content-length", b"1" * 19))),
    "digits that are none": (400, request_fields((b"content-length", b"\xb2"))),
}


@pytest.mark.parametrize(("status", "fields"), REFUSED.values(), ids=REFUSED)
def test_refused(status: int, fields: Fields) -> None:
    """What HTTP forbids in any version is answered, as in HTTP/1.1."""
    with pytest.raises(RequestError) as caught:
        read_request(fields, Limits(), check_scheme=in_clear)
    assert caught.value.status == status


def test_refused_underscores() -> None:
    """Who checks underscores may refuse the request, and each that repeats it."""

    def refuse(request: Request) -> None:
        raise RequestError(400, "underscore")

    reader = RequestReader(Limits(), refuse)
    block = Block(tuple(request_fields((b"a_b", b"c"))))
    for _ in range(2):
        with pytest.raises(RequestError, match="underscore"):
            reader.read(block, has_body=False)


FIELD = (b"name", b"value")
HEAD = len("GET /path HTTP/1.1\r\nhost: x\r\nname: value\r\n\r\n")
BODY = (b"content-length", b"5")
LIMITS: dict[str, tuple[int, Limits, Fields, Fields]] = {
    "line": (
        414,
        Limits(request_line=len("GET /path HTTP/1.1")),
        request_fields(path=b"/path"),
        request_fields(path=b"/paths"),
    ),
    "field": (
        431,
        Limits(request_field_size=len("name: value\r\n")),
        request_fields(FIELD),
        request_fields((b"name", b"values")),
    ),
    "fields": (431, Limits(request_fields=3), request_fields(*[FIELD] * 2), request_fields(*[FIELD] * 3)),
    "head": (
        431,
        Limits(request_head=HEAD),
        request_fields(FIELD, path=b"/path"),
        request_fields(FIELD, path=b"/paths"),
    ),
    "body": (413, Limits(request_body=5), request_fields(BODY), request_fields((b"content-length", b"6"))),
}


@pytest.mark.parametrize(("status", "limits", "within", "beyond"), LIMITS.values(), ids=LIMITS)
def test_limits(status: int, limits: Limits, within: Fields, beyond: Fields) -> None:
    """The limits are those of HTTP/1.1, and measure the request as it would be there."""
    assert read_request(within, limits).method == "GET"
    with pytest.raises(RequestError) as caught:
        read_request(beyond, limits)
    assert caught.value.status == status


def test_parts_of_cookies_count_once() -> None:
    """Cookies in many fields are one for the limits: browsers send each by itself."""
    cookies = [(b"cookie", b"a=%d" % number) for number in range(500)]
    assert len(read(*cookies).headers) == 2
    assert refusal(*cookies, limits=Limits(request_field_size=1000)).status == 431


def test_line_of_an_error() -> None:
    """An error knows what was asked for, for the log."""
    assert refusal((b"expect", b"x"), path=b"/a b", method=b"POST").line == b"POST /a b HTTP/2"
    assert refusal(method=b"CONNECT", scheme=None, path=None).line == b"CONNECT x HTTP/2"


# What is remembered.


def test_repeated_request() -> None:
    """A block that comes again makes an equal request, of which nothing is shared that an application may
    change but what is found out about it.
    """
    reader, block = RequestReader(Limits()), Block(tuple(request_fields((b"a", b"1"))))
    first, second = reader.read(block, has_body=False), reader.read(block, has_body=False)
    assert facts(first) == facts(second)
    assert first is not second
    assert first.headers is not second.headers
    first.headers.clear()
    assert reader.read(block, has_body=False).headers == second.headers == [(b"host", b"x"), (b"a", b"1")]
    assert first.memo is second.memo
    assert first.memo is not None


def test_another_path() -> None:
    """A request that differs in its path alone shares what is found out about the fields."""
    reader = RequestReader(Limits())
    first = reader.read(Block(tuple(request_fields((b"a", b"1")))), has_body=False)
    first.headers.clear()
    second = reader.read(Block(tuple(request_fields((b"a", b"1"), path=b"/%41?b"))), has_body=False)
    assert (second.target, second.parts) == (b"/%41?b", split_target(b"/%41?b"))
    assert second.headers == [(b"host", b"x"), (b"a", b"1")]
    assert second.memo is first.memo
    third = reader.read(Block(tuple(request_fields((b"a", b"2"), path=b"/%41?b"))), has_body=False)
    assert third.memo is not first.memo


def test_body() -> None:
    """What is found out about a request with a body is not shared: its length belongs to it."""
    reader, block = RequestReader(Limits()), Block(tuple(request_fields(method=b"POST")))
    assert reader.read(block, has_body=True).memo is None
    assert reader.read(block, has_body=False).memo is not None
    assert reader.read(block, has_body=True).memo is None


@pytest.mark.parametrize("path", [b"", b"*", b"/a b", b"/\n", b"x", b"/" + b"x" * 100], ids=range(6))
def test_another_path_is_checked(path: bytes) -> None:
    """A path is refused after a request that was the same otherwise as it is alone."""
    limits = Limits(request_line=60)
    with pytest.raises((RequestError, StreamFault)) as alone:
        read(limits=limits, path=path)
    reader = RequestReader(limits)
    reader.read(Block(tuple(request_fields())), has_body=False)
    with pytest.raises(type(alone.value), match=str(alone.value)):
        reader.read(Block(tuple(request_fields(path=path))), has_body=False)


OTHERS = {
    "method": request_fields((b"a", b"1"), method=b"POST"),
    "authority": request_fields((b"a", b"1"), authority=b"y"),
    "value": request_fields((b"a", b"2")),
    "name": request_fields((b"b", b"1")),
    "fewer": request_fields(),
    "more": request_fields((b"a", b"1"), (b"b", b"1")),
    "name of the path": [
        (b":protocol" if name == b":path" else name, value) for name, value in request_fields((b"a", b"1"))
    ],
    "no path": request_fields((b"a", b"1"), (b"path", b"/"), path=None),
    "path elsewhere": [(b":path", b"/b"), *request_fields((b"a", b"1"), path=None)],
}


@pytest.mark.parametrize("fields", OTHERS.values(), ids=OTHERS)
def test_another_field(fields: Fields) -> None:
    """A request that differs in anything but its path from the one before is as it is alone."""
    reader = RequestReader(Limits())
    reader.read(Block(tuple(request_fields((b"a", b"1")))), has_body=False)
    assert outcome(reader, fields) == outcome(RequestReader(Limits()), fields)


@pytest.mark.parametrize("limit", ["request_line", "request_head"])
def test_limits_of_another_path(limit: str) -> None:
    """The limits hold for a path that comes with known fields, those included that were taken out."""

    def drop(request: Request) -> None:
        request.headers = [each for each in request.headers if b"_" not in each[0]]

    sizes = {
        "request_line": len("GET /12345 HTTP/1.1"),
        "request_head": len("GET /12345 HTTP/1.1\r\nhost: x\r\na_b: c\r\n\r\n"),
    }
    reader = RequestReader(Limits(**{limit: sizes[limit]}), drop)
    for path in (b"/", b"/12345"):
        reader.read(Block(tuple(request_fields((b"a_b", b"c"), path=path))), has_body=False)
    with pytest.raises(RequestError):
        reader.read(Block(tuple(request_fields((b"a_b", b"c"), path=b"/123456"))), has_body=False)


def outcome(reader: RequestReader, fields: Fields) -> object:
    """Return what a reader makes of fields, for comparisons."""
    try:
        return facts(reader.read(Block(tuple(fields)), has_body=False))
    except (RequestError, StreamFault) as error:
        return str(error)


OTHER_VALUES = st.sampled_from([*PIECES, b"CONNECT", b"websocket", b"*"])


@st.composite
def mutants(draw: st.DrawFn) -> Fields:
    """Draw the fields of a request of which some have been changed, moved, left out, or repeated."""
    fields = draw(requests()).fields
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(fields)))
        rest = fields[place + draw(st.integers(0, 1)) :]
        new = (
            draw(names()),
            draw(VALUES | HOSTS | COOKIES | st.sampled_from([*PIECES, b"CONNECT", b"websocket", b"*"])),
        )
        fields = fields[:place] + draw(st.sampled_from([[], [new], fields[:1], rest[:1]])) + rest
    return fields


def names() -> st.SearchStrategy[bytes]:
    """Return a strategy of names that mean something, and of some that must not be."""
    special = [
        b"te", b"host", b"connection", b"upgrade", b"transfer-encoding", b"content-length", b"expect", b"a_b",
        b":protocol", b":status", b"X", b"", b"a b",
    ]  # fmt: skip
    return st.sampled_from([*PSEUDO, *special]) | NAMES


@given(
    st.lists(mutants(), min_size=1, max_size=4),
    st.lists(st.sampled_from([b"/", b"/a", b"*", b"/#", b""]), max_size=3),
)
def test_a_reader_has_no_memory(lists: list[Fields], paths: list[bytes]) -> None:
    """A request means the same after others as alone."""
    variants = [
        [(name, path if name == b":path" else value) for name, value in fields]
        for fields in lists
        for path in paths
    ]
    reader = RequestReader(Limits(), check_scheme=in_clear)
    for fields in [*lists, *variants, *lists]:
        assert outcome(reader, fields) == outcome(RequestReader(Limits(), check_scheme=in_clear), fields)


# Against h2, and anything.


def accepted_by_h2(fields: Fields) -> bool:
    """Tell whether another implementation takes a request for well-formed."""
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
    block = Encoder().encode(fields)
    data = PREFACE + settings_frame({}) + header_frames(1, block, 16384, end_stream=False)
    try:
        server.receive_data(data)
    except h2.exceptions.ProtocolError:
        return False
    return True


@given(mutants())
@settings(max_examples=500, deadline=None)
def test_mutants(fields: Fields) -> None:
    """What has gone wrong is refused or is a request, which the other implementation takes too; and as
    a request it has no field that is malformed, and one host.
    """
    try:
        request = read_request(fields, Limits())
    except (RequestError, StreamFault):
        return
    assert accepted_by_h2(fields) or isinstance(request, Connect)
    assert request.target.startswith(b"/") or request.target == b"*"
    assert [value for name, value in request.headers if name == b"host"] == [request.headers[0][1]]
    assert not any(name.startswith(b":") or b"\n" in value for name, value in request.headers)


@given(
    st.lists(
        st.tuples(st.binary(max_size=8) | st.sampled_from(list(PSEUDO)), st.binary(max_size=8)), max_size=8
    )
)
def test_any_fields(fields: Fields) -> None:
    """Whatever the fields are, there is a request or one of two errors."""
    outcome(RequestReader(Limits(), check_scheme=in_clear), fields)
    outcome(RequestReader(Limits(), check_scheme=in_clear), request_fields(*fields))


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_blocks(blocks: list[bytes]) -> None:
    """Whatever the bytes are, there is a request or one of the errors that are told."""
    decoder, reader = BlockDecoder(4096, 300), RequestReader(Limits())
    for block in blocks:
        try:
            decoded = decoder.decode(encoded(Encoder(), request_fields()) + block)
            reader.read(decoded, has_body=False)
        except (StreamFault, RequestError, OversizedList):
            pass
        except ConnectionFault:
            return
