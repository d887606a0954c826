"""The parser of requests: any pieces, any order; what the RFC says of requests is in tests/conformance."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hybrid.server.wire.http11 as http11_module
from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http11 import Request, RequestParser, list_tokens
from hybrid.server.wire.target import split_target
from tests.support.http_requests import mutants, requests
from tests.support.requests import Seen, bytewise, parse


@given(st.lists(requests(), min_size=1, max_size=5), st.data())
def test_any_pieces(pipeline: list[tuple[Seen, bytes]], data: st.DataObject) -> None:
    """Valid requests come out as they went in, however the bytes are cut."""
    expected = [seen for seen, _ in pipeline]
    raw = b"".join(data for _, data in pipeline)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=10), "cuts"))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    for way in ([raw], pieces, bytewise(raw)):
        parsed = parse(way)
        assert parsed.requests == expected
        assert parsed.refused is None
        assert not parsed.unread


@given(requests())
def test_agrees_with_h11(request: tuple[Seen, bytes]) -> None:
    """An independent parser reads the same out of the same bytes."""
    _, raw = request
    assert parse([raw]).requests == [read_by_h11(raw)]


@given(st.lists(requests(), min_size=2, max_size=6))
def test_a_parser_has_no_memory(pipeline: list[tuple[Seen, bytes]]) -> None:
    """A request means the same after others as alone: what is remembered of them changes nothing."""
    twice = [*pipeline, *pipeline]
    alone = [parse([raw]).requests[0] for _, raw in twice]
    assert parse(raw for _, raw in twice).requests == alone
    assert parse([b"".join(raw for _, raw in twice)]).requests == alone


@given(mutants())
@settings(max_examples=500, deadline=None)
def test_mutants(raw: bytes) -> None:
    """A request that has gone wrong is refused or is one request: it never becomes two, nor another error. It
    is the same in pieces, although what comes in pieces may be refused only when its head has ended.
    """
    whole, pieces = parse([raw]), parse(bytewise(raw))
    assert whole.started <= 1
    assert whole.requests == pieces.requests
    assert pieces.refused in (whole.refused, None)


def read_by_h11(raw: bytes) -> Seen | None:
    """Let an independent parser read a request; None if it refuses, or has not got it all."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(raw)
    try:
        head = server.next_event()
        if not isinstance(head, h11.Request):
            return None
        body = b""
        while isinstance(event := server.next_event(), h11.Data):
            body += bytes(event.data)
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.EndOfMessage):
        return None
    version = head.http_version.decode()
    return Seen(head.method.decode(), head.target, version, list(head.headers), body)


@given(mutants())
@settings(max_examples=500, deadline=None)
def test_mutants_mean_the_same_to_h11(raw: bytes) -> None:
    """What we accept of them, an independent parser reads in the same way or not at all."""
    ours, theirs = parse([raw]).requests, read_by_h11(raw)
    if not ours or theirs is None:
        return
    assert (ours[0].method, ours[0].body) == (theirs.method, theirs.body)
    if ours[0].target == theirs.target:  # not in absolute-form, which brings a Host of its own
        assert ours[0].headers == theirs.headers


@given(st.binary(max_size=200))
def test_anything(data: bytes) -> None:
    """Whatever comes is a request, a part of one, or refused: no other error, and no difference in pieces."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for raw in (data, head + data, head[:20] + data):
        assert parse([raw]).requests == parse(bytewise(raw)).requests


# What is remembered of one request, to read the next faster.

FIRST = b"GET /one HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n"
SECOND = FIRST.replace(b"/one", b"/two?q")


def parser_after(*raw: bytes, limits: Limits | None = None) -> RequestParser:
    """Make a parser that has read these requests."""
    parser = RequestParser(limits or Limits())
    for each in raw:
        assert parser.next_request(each) is not None
    return parser


def test_repeated_fields() -> None:
    """A request that repeats the fields of the one before has the same fields."""
    parser = RequestParser(Limits())
    first = parser.next_request(FIRST)
    second = parser.next_request(SECOND)
    assert first is not None
    assert second is not None
    assert (second.method, second.target, second.http_version) == ("GET", b"/two?q", "1.1")
    assert second.headers == first.headers


def test_repeated_fields_are_a_list_of_one_s_own() -> None:
    """What an application does to the headers of one request does not come back with the next."""
    parser = RequestParser(Limits())
    for _ in range(4):
        request = parser.next_request(FIRST)
        assert request is not None
        assert request.headers == [(b"host", b"x"), (b"a", b"b")]
        request.headers.append((b"x-user", b"admin"))
        del request.headers[0]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (SECOND.replace(b"GET ", b"get "), 501),
        (SECOND.replace(b"GET ", b"CONNECT "), 501),
        (SECOND.replace(b"/two?q", b"/2#q"), 400),
        (SECOND.replace(b"/two?q", b"/\xff"), 400),
        (SECOND.replace(b"/two?q", b"*"), 400),
        (SECOND.replace(b" HTTP", b"  HTTP"), 400),
        (SECOND.replace(b"/two?q", b"/" + b"a" * 8190), 414),
    ],
)
def test_repeated_fields_excuse_nothing(raw: bytes, status: int) -> None:
    """A request line is checked as always, whatever its fields remind of."""
    with pytest.raises(RequestError) as raised:
        parser_after(FIRST).next_request(raw)
    assert raised.value.status == status


def test_repeated_fields_and_the_limit_of_the_head() -> None:
    """So is the size of the head."""
    limits = Limits()._replace(request_head=len(FIRST) + 5)
    parser_after(FIRST, FIRST.replace(b"/one", b"/one45678"), limits=limits)
    with pytest.raises(RequestError, match="431"):
        parser_after(FIRST, FIRST.replace(b"/one", b"/one456789"), limits=limits)


def test_repeated_fields_with_a_body() -> None:
    """A body belongs to its own request only, in whatever way it was announced before."""
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    raw = [post % 0, post % 0, post % 2 + b"ab", post % 2 + b"cd", post % 0, FIRST, SECOND]
    assert [seen.body for seen in parse(raw).requests] == [b"", b"", b"ab", b"cd", b"", b"", b""]


def test_absolute_form_leaves_no_host_behind() -> None:
    """The authority of one target is not the Host of the next request."""
    absolute = FIRST.replace(b"/one", b"http://y/one")
    hosts = [dict(seen.headers)[b"host"] for seen in parse([FIRST, absolute, FIRST, absolute]).requests]
    assert hosts == [b"x", b"y", b"x", b"y"]


# The size of the body.


@pytest.mark.parametrize(("limit", "status"), [(0, None), (5, None), (4, 413), (1, 413)])
@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    ],
)
def test_limit_of_the_body(raw: bytes, limit: int, status: int | None) -> None:
    """A body may be as large as the limit, and no larger, whole and in pieces; 0 is no limit."""
    for way in ([raw], bytewise(raw)):
        parsed = parse(way, Limits(request_body=limit))
        assert parsed.refused == status
        assert [seen.body for seen in parsed.requests] == ([] if status else [b"abcde"])


def test_length_above_the_limit_is_refused_with_the_head() -> None:
    """A request that announces too much is not even begun."""
    raw = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"
    parsed = parse([raw], Limits(request_body=5))
    assert (parsed.started, parsed.refused) == (0, 413)


# What else a parser offers.


def test_rest() -> None:
    """Whoever takes the connection over gets the bytes after the request, once."""
    parser = parser_after(FIRST + b"frames")
    assert parser.take_rest() == b"frames"
    assert parser.take_rest() == b""


def test_nothing_is_no_request() -> None:
    """Without bytes there is nothing to say."""
    parser = RequestParser(Limits())
    assert parser.next_request() is None
    assert parser.next_request(b"") is None
    assert parser.waiting == b""


@pytest.mark.parametrize(
    ("value", "version", "expects"),
    [
        (b"100-continue", "1.1", True),
        (b"100-Continue", "1.1", True),
        (b"100-continue,, 100-Continue", "1.1", True),
        (b"", "1.1", False),
        (b"100-continue", "1.0", False),
        (b"x", "1.1", False),
        (None, "1.1", False),
    ],
)
def test_expects_continue(value: bytes | None, version: str, expects: bool) -> None:
    """Only HTTP/1.1 can expect 100, in any case (RFC 9110 section 10.1.1)."""
    headers = [] if value is None else [(b"expect", value)]
    assert Request("POST", b"/", version, headers).expects_continue is expects


def test_list_tokens() -> None:
    """A list is read from all its lines, without white space, empty members and capitals."""
    headers = [(b"a", b" X ,, y\t,"), (b"b", b"no"), (b"a", b""), (b"a", b"z")]
    assert list_tokens(headers, b"a") == [b"x", b"y", b"z"]


def test_repr() -> None:
    """What a debugger shows says what was asked, and how far the parser is."""
    assert repr(Request("GET", b"/a", "1.1", [])) == "<Request GET b'/a' HTTP/1.1>"
    parser = parser_after(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
    parser.read_body()
    assert repr(parser) == "<RequestParser waiting=0 left=7 chunked=None>"


class TestKnownLines:
    """Request lines that were asked before, on whatever connection, are not looked at again."""

    GET = b"GET /a%20b?c HTTP/1.1\r\nHost: x\r\n\r\n"

    @pytest.fixture(autouse=True)
    def lines(self, monkeypatch: pytest.MonkeyPatch) -> dict[bytes, object]:
        """Start with none."""
        lines: dict[bytes, object] = {}
        monkeypatch.setattr(http11_module, "_known_lines", lines)
        return lines

    def test_the_same_again(self, lines: dict[bytes, object]) -> None:
        """A request comes out as it did before, with its target taken apart."""
        parser = parser_after(self.GET, self.GET)
        assert list(lines) == [b"GET /a%20b?c"]
        request = parser.next_request(self.GET)
        assert request is not None
        assert (request.method, request.target) == ("GET", b"/a%20b?c")
        assert request.parts == split_target(b"/a%20b?c") == ("/a b", b"/a%20b", b"c")
        assert request.headers == [(b"host", b"x")]

    def test_only_behind_known_fields(self, lines: dict[bytes, object]) -> None:
        """A line that is known excuses nothing of what follows it."""
        parser_after(self.GET, self.GET)
        fresh = RequestParser(Limits())
        with pytest.raises(RequestError):
            fresh.next_request(self.GET.replace(b"Host: x", b"Host: x\r\nHost: y"))
        parser = parser_after(self.GET, self.GET)
        with pytest.raises(RequestError):
            parser.next_request(self.GET.replace(b"Host: x", b"Host: a b"))

    def test_each_parser_keeps_its_limits(self, lines: dict[bytes, object]) -> None:
        """A line that another parser has let pass is still too long for this one."""
        parser_after(self.GET, self.GET)
        parser = parser_after(
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", limits=Limits(request_line=len("GET /a%20b? HTTP/1.1"))
        )
        with pytest.raises(RequestError, match="414"):
            parser.next_request(self.GET)

    def test_bounded(self, lines: dict[bytes, object]) -> None:
        """Clients that invent targets fill no memory, and long ones are not kept."""
        parser = parser_after(self.GET)
        for number in range(2500):
            assert parser.next_request(self.GET.replace(b"a%20b", b"%d" % number)) is not None
            assert len(lines) <= 1024
        kept = len(lines)
        assert parser.next_request(self.GET.replace(b"a%20b", b"x" * 300)) is not None
        assert len(lines) == kept
