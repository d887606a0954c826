"""The reader of responses, with what this server writes, against an independent client of HTTP/1.1."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.types import BODILESS, ResponseHead
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.fronted import Encoder, TrailedEncoder
from hybrid.server.wire.http2.parts import END, Head
from hybrid.server.wire.http2.responses import ResponseReader
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import CONTINUE, DefaultFields, ResponseEncoder, interim, refusal, wire_head
from tests.support.http2_responses import Fields, Meaning, decode, draw_ways, in_http1, read, ways

DEFAULTS: DefaultFields = (b"date: Thu, 26 Nov 2026 15:29:27 GMT\r\n", b"server: hybrid\r\n")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"

NAMES = st.text("abcXYZ-_.!09", min_size=1, max_size=8).map(lambda name: b"x-" + name.encode())
USUAL = st.sampled_from([b"Content-Type", b"ETag", b"set-cookie", b"Location", b"Vary", b"X-Frame-Options"])
VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=8
).map(lambda value: value.encode("latin-1"))
FIELDS = st.lists(st.tuples(NAMES | USUAL, VALUES), max_size=5)
PARTS = st.lists(st.binary(max_size=30), min_size=1, max_size=5)
METHODS = st.sampled_from(["GET", "HEAD", "POST"])
STATUSES = st.sampled_from([200, 201, 204, 205, 206, 304, 404, 500, 599])


def encoder(headers: Fields, status: int = 200, method: str = "GET", *, trailed: bool = False) -> Encoder:
    """Make what encodes the answer to a request of HTTP/2."""
    request = Request(method, b"/", "2", [(b"te", b"trailers")])
    it = ResponseEncoder(request, status, None, headers, DEFAULTS)
    return TrailedEncoder(it, request) if trailed else it


def written(it: Encoder, parts: list[bytes], trailers: Fields) -> bytes:
    """Write a response."""
    raw = b"".join(it.encode(part, True) for part in parts[:-1]) + it.encode(parts[-1], False)
    if isinstance(it, TrailedEncoder):
        raw += it.encode_trailers(trailers[:1], True) + it.encode_trailers(trailers[1:], False)
    assert it.complete
    return raw


@given(
    fields=FIELDS,
    parts=PARTS,
    announced=st.booleans(),
    trailers=st.none() | st.lists(st.tuples(NAMES, VALUES), max_size=3),
    early=st.lists(st.lists(st.just((b"link", b"</a>; rel=preload")), max_size=2), max_size=2),
    method=METHODS,
    closes=st.booleans(),
    status=STATUSES,
    data=st.data(),
)
def test_whatever_is_encoded(
    *,
    fields: Fields,
    parts: list[bytes],
    announced: bool,
    trailers: Fields | None,
    early: list[Fields],
    method: str,
    closes: bool,
    status: int,
    data: st.DataObject,
) -> None:
    """Interim responses, status, fields, body and trailers are those that a client of HTTP/1.1 finds, but for
    the fields that are about its connection; and they do not depend on the pieces.
    """
    body = b"".join(parts)
    headers = [*fields, (b"Content-Length", b"%d" % len(body))] if announced else fields
    it = encoder(headers, status, method, trailed=trailers is not None)
    it.keep_alive = not closes
    raw = b"".join(interim(103, links) for links in early) + written(it, parts, trailers or [])

    expected = in_http1(raw, method)
    assert expected.body == (b"" if method == "HEAD" or status in BODILESS else body)
    assert len(expected.heads) == len(early) + 1
    for way in draw_ways(raw, data):
        assert read(way, method) == expected
        assert read(way, method, eof=True) == expected


@given(before=PARTS, count=st.integers(1, 40), after=PARTS, announced=st.booleans(), data=st.data())
def test_files(
    *, before: list[bytes], count: int, after: list[bytes], announced: bool, data: st.DataObject
) -> None:
    """Bytes of files may be among those of the body, in chunks or with a length, and at the end."""
    file = bytes(range(count))
    body = b"".join(before) + file + b"".join(after) + file
    it = encoder([(b"content-length", b"%d" % len(body))] if announced else [])
    raw = b"".join(it.encode(part, True) for part in before)
    raw += file.join(it.encode_around(count, more=True))
    raw += b"".join(it.encode(part, True) for part in after)
    raw += file.join(it.encode_around(count))
    assert it.complete

    for way in draw_ways(raw, data):
        told = read(way)
        assert (told.body, told.complete) == (body, True)
        assert told == in_http1(raw)


def test_a_file_alone() -> None:
    """The file is the whole body, and its length is that of the response."""
    raw = b"file".join(encoder([]).encode_around(4))
    for way in ways(raw):
        assert read(way) == in_http1(raw)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_refusals(method: str) -> None:
    """What the server answers by itself closes an HTTP/1.1 connection, of which nothing is left."""
    request = Request(method, b"/", "2", [])
    for raw in (refusal(request, 503, "busy", DEFAULTS, [(b"retry-after", b"1")]), CONTINUE):
        whole = raw if raw is not CONTINUE else raw + refusal(request, 413, "too large", DEFAULTS)
        for way in ways(whole):
            assert read(way, method) == in_http1(whole, method)


def test_upgrade_that_was_refused() -> None:
    """A 426 says in HTTP/1.1 which protocol there is; HTTP/2 has no field for that."""
    fields = [(b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"), (b"connection", b"Upgrade")]
    raw = refusal(None, 426, "no", (), fields)
    assert read([raw]).heads == [
        [
            (b":status", b"426"),
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"sec-websocket-version", b"13"),
            (b"content-length", b"2"),
        ]
    ]


def test_heads_that_are_put_together_before() -> None:
    """What a worker sends of a head that it has encoded once is a response as any other."""
    fields = [(b"Content-Type", b"text/html"), (b"x-a", b"1")]
    wire = wire_head(ResponseHead(200, "OK", fields, None))
    raw = b"".join((wire, b"content-length: 5\r\n", *DEFAULTS, b"\r\n", b"hello"))
    for way in ways(raw):
        assert read(way) == in_http1(raw)


def test_known_heads() -> None:
    """A head that comes again is not read again; but to HEAD it means something else."""
    raw = HEAD + b"content-length: 3\r\n\r\nabc"
    heads = []
    for _ in range(4):
        head, *rest = ResponseReader("GET").feed(raw)
        heads.append(head)
        assert rest == [b"abc", END]
    assert heads[-1] is heads[-2]
    (head,) = ResponseReader("HEAD").feed(raw[:-3])
    assert isinstance(head, Head)
    assert head.end
    assert not ResponseReader("GET").feed(raw[:-3])[0].end  # type: ignore[union-attr]


class TestBodies:
    """RFC 9112 section 6.3: how a client finds the end."""

    @pytest.mark.parametrize("framing", ["", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"])
    @pytest.mark.parametrize(
        ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 204), ("HEAD", 304)]
    )
    def test_none(self, method: str, status: int, framing: str) -> None:
        """There is none for HEAD, 204 and 304, whatever the head says. A 204 does not keep its Content-Length
        (RFC 9110 section 8.6).
        """
        raw = f"HTTP/1.1 {status} X\r\n{framing}\r\n".encode()
        (head,) = ResponseReader(method).feed(raw)
        assert isinstance(head, Head)
        assert (head.final, head.end) == (True, True)
        length = framing.startswith("Content-Length") and status != 204
        expected = [(b":status", str(status).encode())]
        expected += [(b"content-length", b"3")] if length else []
        assert decode(head.block) == expected

    def test_empty(self) -> None:
        """A body of length 0 ends with the head."""
        reader = ResponseReader("GET")
        (head,) = reader.feed(HEAD + b"content-length: 0\r\n\r\n")
        assert isinstance(head, Head)
        assert head.end
        assert reader.complete

    def test_until_the_end_of_the_connection(self) -> None:
        """Without a length and chunks, only that ends it."""
        reader = ResponseReader("GET")
        assert reader.feed(HEAD + b"\r\na")[1:] == [b"a"]
        assert reader.feed(b"") == []
        assert reader.feed(b"bc") == [b"bc"]
        assert reader.feed_eof() == [END]
        assert reader.complete
        assert reader.feed_eof() == []
        assert reader.feed(b"more") == []

    def test_none_until_the_end_of_the_connection(self) -> None:
        """It may be empty."""
        reader = ResponseReader("GET")
        (head,) = reader.feed(HEAD + b"\r\n")
        assert isinstance(head, Head)
        assert not head.end
        assert reader.feed_eof() == [END]

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"HTTP/1.1 200 OK\r\n",
            CONTINUE,
            HEAD + b"content-length: 2\r\n\r\na",
            HEAD + b"content-length: 2\r\n\r\n",
            HEAD + b"transfer-encoding: chunked\r\n\r\n",
            HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n",
            HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx-a: 1\r\n",
        ],
    )
    def test_cut_off(self, raw: bytes) -> None:
        """Anything else is cut off at the end of the connection; nothing is taken any more."""
        for way in ways(raw):
            reader = ResponseReader("GET")
            for piece in way:
                reader.feed(piece)
            with pytest.raises(ResponseError, match="cut off"):
                reader.feed_eof()
            assert not reader.complete
            assert reader.feed(b"\r\n\r\n") == []

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_what_follows_the_end(self, method: str) -> None:
        """It is dropped, as by clients of HTTP/1.1: of a body for HEAD, too."""
        for framing in (
            b"content-length: 1\r\n\r\na",
            b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ):
            for way in ways(HEAD + framing + b"and more"):
                told = read(way, method, eof=True)
                assert (told.body, told.complete) == (b"a" if method == "GET" else b"", True)

    def test_parts_are_not_copied(self) -> None:
        """A part of a body that comes by itself is given on as it is; a large one is a view of what it came
        in, and a small one does not keep that.
        """
        large = bytes(64 * 1024)
        reader = ResponseReader("GET")
        reader.feed(HEAD + b"content-length: 65536\r\n\r\n")
        (part, end) = reader.feed(large)
        assert part is large
        assert end is END
        raw = HEAD + b"content-length: 65536\r\n\r\n" + large
        _, part, _ = ResponseReader("GET").feed(raw)
        assert isinstance(part, memoryview)
        assert part.obj is raw
        raw = HEAD + b"transfer-encoding: chunked\r\n\r\n10000\r\n" + large + b"\r\n1\r\na\r\n"
        _, part, small = ResponseReader("GET").feed(raw)
        assert isinstance(part, memoryview)
        assert part.obj is raw
        assert small == b"a"
        assert isinstance(small, bytes)

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_buffers(self, kind: type[bytearray | memoryview]) -> None:
        """What its owner may still change is copied, so that the parts stay as they are."""
        raw = bytearray(HEAD + b"content-length: 20000\r\n\r\n" + bytes(20000))
        _, body, _ = ResponseReader("GET").feed(kind(raw))  # type: ignore[arg-type]
        raw[-20000:] = b"x" * 20000
        assert body == bytes(20000)


def test_fields_of_http1() -> None:
    """What is about one connection of HTTP/1.1 is left out, and what Connection names (RFC 9110 section
    7.6.1); names are in lower case, and there are no spaces around values.
    """
    raw = (
        b"HTTP/1.1 200\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nx-stays: 1\r\nConnection: close, X-HOP ,\r\n"
        b"Proxy-Connection: close\r\nUpgrade: h2c\r\nTransfer-Encoding: Chunked\r\nX-Spaced:\t a b \t\r\n"
        b"Sec-WebSocket-Accept: x\r\nX-Empty:\r\n\r\n"
        b"0\r\nConnection: close\r\nContent-Length: 1\r\nX-T: 1\r\n\r\n"
    )
    fields = [(b"x-stays", b"1"), (b"x-spaced", b"a b"), (b"sec-websocket-accept", b"x"), (b"x-empty", b"")]
    expected = Meaning([[(b":status", b"200"), *fields]], b"", [(b"x-t", b"1")])
    for way in ways(raw):
        assert read(way) == expected


def test_trailers_of_nothing() -> None:
    """Trailers of which nothing is left are an end."""
    reader = ResponseReader("GET")
    parts = reader.feed(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nconnection: close\r\n\r\n")
    assert parts[1:] == [END]


def test_large_heads() -> None:
    """A head of any size that an application may have is read, in time and memory that grow with it."""
    fields = [(b"x-%d" % number, b"v" * 1000) for number in range(600)]
    raw = encoder(fields).encode(b"", False)
    assert read([raw]).heads[0][1:-3] == fields
    pieces = [raw[start : start + 10] for start in range(0, len(raw), 10)]
    tracemalloc.start()
    try:
        assert len(read(pieces).heads[0]) == 604
        assert tracemalloc.get_traced_memory()[1] < 10 * len(raw)
    finally:
        tracemalloc.stop()


def test_repr() -> None:
    """It says where in the response it is."""
    reader = ResponseReader("GET")
    assert repr(reader) == "<ResponseReader HEAD left=0 complete=False>"
    reader.feed(HEAD + b"content-length: 2\r\n\r\na")
    assert repr(reader) == "<ResponseReader LENGTH left=1 complete=False>"
    assert repr(END) == "END"
