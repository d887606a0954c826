"""The encoder of responses, against an independent parser; whole connections are in tests/server."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.types import Headers
from hybrid.server.wire import response as module
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import DefaultFields, ResponseEncoder, interim, refusal
from tests.support.http_peer import Response, read_responses

DEFAULTS: DefaultFields = (b"date: today\r\n", b"server: us\r\n")
GET = Request("GET", b"/", "1.1", [])


def encoder(
    headers: Iterable[tuple[bytes, bytes]] = (),
    status: int = 200,
    *,
    method: str = "GET",
    version: str = "1.1",
    keep_alive: bool = True,
    reason: str | None = None,
) -> ResponseEncoder:
    """Make an encoder for the answer to a request."""
    request = Request(method, b"/", version, [])
    request.keep_alive = keep_alive
    return ResponseEncoder(request, status, reason, headers, DEFAULTS)


def read(data: bytes, method: str = "GET", *, closed: bool = False) -> Response:
    """Read the one response in some bytes."""
    (response,) = read_responses(data, method, closed=closed)
    return response


NAMES = st.text("abcXYZ-_.!09", min_size=1, max_size=8).map(lambda name: b"x-" + name.encode())
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=8)
FIELDS = st.lists(st.tuples(NAMES, VALUES.map(lambda value: value.encode("latin-1"))), max_size=5)
PARTS = st.lists(st.binary(max_size=30), min_size=1, max_size=5)


@given(
    fields=FIELDS,
    parts=PARTS,
    announced=st.booleans(),
    method=st.sampled_from(["GET", "HEAD"]),
    version=st.sampled_from(["1.0", "1.1", "2"]),
    keep_alive=st.booleans(),
    status=st.sampled_from([200, 201, 204, 205, 304, 404, 500, 299]),
)
def test_every_response_can_be_read(
    *,
    fields: Headers,
    parts: list[bytes],
    announced: bool,
    method: str,
    version: str,
    keep_alive: bool,
    status: int,
) -> None:
    """An independent parser reads the status, the fields and the body, and agrees on where it ends."""
    body = b"".join(parts)
    headers = [*fields, (b"content-length", b"%d" % len(body))] if announced else fields
    it = encoder(headers, status, method=method, version=version, keep_alive=keep_alive)
    data = b"".join(it.encode(part, True) for part in parts[:-1]) + it.encode(parts[-1], False)
    assert it.complete
    response = read(data, method, closed=not it.keep_alive)
    bodiless = method == "HEAD" or status in (204, 205, 304)
    assert (response.status, response.body) == (status, b"" if bodiless else body)
    assert response.headers[: len(fields)] == [(name.lower(), value) for name, value in fields]
    assert (b"connection", b"close") in response.headers or it.keep_alive


@given(FIELDS)
def test_fields_are_remembered_rightly(fields: Headers) -> None:
    """Encoding the same fields again gives the same bytes."""
    assert encoder(fields).encode(b"", False) == encoder(fields).encode(b"", False)


def test_memory_of_fields_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ever new fields do not make the server grow; cookies and long ones are not kept."""
    known: dict[tuple[bytes, bytes], bytes] = {}
    monkeypatch.setattr(module, "_known_lines", known)
    monkeypatch.setattr(module, "_known_line", known.get)
    kept = [(b"set-cookie", b"a"), (b"Set-Cookie", b"b"), (b"x-long", b"a" * 300), (b"x-short", b"a")]
    encoder(kept)
    assert list(known) == [(b"x-short", b"a")]
    for number in range(3000):
        encoder([(b"x-number", b"%d" % number)])
    assert len(known) == 1024
    assert read(encoder([(b"x-number", b"2999")]).encode(b"", False)).values(b"x-number") == [b"2999"]


@pytest.mark.parametrize(
    "field", [[b"x-a", b"b"], (b"x-a", b"b"), iter([b"x-a", b"b"])], ids=["list", "tuple", "iterator"]
)
def test_pairs_of_any_kind(field: tuple[bytes, bytes]) -> None:
    """A field is any iterable of two (ASGI HTTP specification, "Response Start")."""
    assert read(encoder([field]).encode(b"", False)).values(b"x-a") == [b"b"]


@pytest.mark.parametrize(
    ("status", "reason", "line"),
    [
        (200, None, b"HTTP/1.1 200 OK"),
        (200, "OK", b"HTTP/1.1 200 OK"),
        (200, "Fine", b"HTTP/1.1 200 Fine"),
        (200, "", b"HTTP/1.1 200 "),
        (404, None, b"HTTP/1.1 404 Not Found"),
        (299, None, b"HTTP/1.1 299 "),
        (599, "Où", b"HTTP/1.1 599 O\xf9"),
    ],
)
def test_status_line(status: int, reason: str | None, line: bytes) -> None:
    """The reason phrase is the given one, the standard one, or none (RFC 9112 section 4)."""
    assert encoder(status=status, reason=reason).encode(b"", False).partition(b"\r\n")[0] == line


@pytest.mark.parametrize("reason", ["a\r\nb", "a\nb", "a\0", "\x7f", "€"])
def test_reason_phrase_cannot_inject(reason: str) -> None:
    """A phrase with line ends, control characters or beyond ISO 8859-1 is refused."""
    with pytest.raises(ResponseError, match="reason phrase"):
        encoder(reason=reason)


def test_complete_when_the_announced_length_is_reached() -> None:
    """A body of known length is complete with its last byte, whatever the application says."""
    it = encoder([(b"content-length", b"4")])
    it.encode(b"ab", True)
    assert not it.complete
    it.encode(b"cd", True)
    assert it.encode(b"", False) == b""
    assert it.complete


def test_an_error_changes_nothing() -> None:
    """After a part that does not fit, the part that does gives a response in order."""
    it = encoder([(b"content-length", b"2")], version="1.0")
    for part in (b"a", b"abc"):
        with pytest.raises(ResponseError):
            it.encode(part, False)
    assert not it.head_sent
    assert read(it.encode(b"ab", False)).body == b"ab"
    assert it.head_sent


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_refusal(method: str) -> None:
    """What the server says itself is short, plain, and the last; HEAD gets only its head."""
    data = refusal(Request(method, b"/", "1.1", []), 503, "busy", DEFAULTS, [(b"retry-after", b"1")])
    response = read(data, method, closed=True)
    assert response.status == 503
    assert response.body == (b"" if method == "HEAD" else b"busy")
    assert response.values(b"content-length") == [b"4"]
    assert response.values(b"connection") == [b"close"]
    assert response.values(b"retry-after") == [b"1"]
    assert response.values(b"date") == [b"today"]


def test_refusal_of_nothing() -> None:
    """There may be no request to speak of."""
    assert read(refusal(None, 400, "what?", DEFAULTS), closed=True).body == b"what?"


def test_repr() -> None:
    """What a debugger shows says how far the response is."""
    it = encoder()
    it.encode(b"a", True)
    assert repr(it) == "<ResponseEncoder 200 CHUNKED complete=False>"


def test_interim() -> None:
    """An interim response is a head of its own, without any of the fields that a response gets by itself."""
    assert interim(103, []) == b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert interim(103, [(b"link", b"</a>"), (b"link", b"</b>")]) == (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nlink: </b>\r\n\r\n"
    )


class TestAround:
    """A body whose last part does not pass through the encoder."""

    @pytest.mark.parametrize("headers", [[], [(b"content-length", b"4")]])
    def test_whole_body(self, headers: Headers) -> None:
        """It is framed by its length, announced by whoever."""
        it = encoder(headers)
        before, after = it.encode_around(4)
        assert (it.complete, it.keep_alive) == (True, True)
        response = read(before + b"file" + after)
        assert response.body == b"file"
        assert response.values(b"content-length") == [b"4"]

    @pytest.mark.parametrize("headers", [[], [(b"content-length", b"9")]])
    @pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
    def test_rest_of_a_body(self, headers: Headers, version: str) -> None:
        """It goes on in the framing that was begun: length, chunks, or the end of the connection."""
        it = encoder(headers, version=version)
        first = it.encode(b"first", True)
        before, after = it.encode_around(4)
        assert it.complete
        assert read(first + before + b"file" + after, closed=not it.keep_alive).body == b"firstfile"

    @pytest.mark.parametrize("headers", [[], [(b"content-length", b"13")]])
    @pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
    def test_part_of_a_body(self, headers: Headers, version: str) -> None:
        """Others may follow, that pass through or not."""
        it = encoder(headers, version=version)
        data = b""
        for part, more in ((b"file", True), (b"again", True), (b"file", False)):
            before, after = it.encode_around(len(part), more=more)
            assert it.complete is not more
            data += before + part + after
        assert read(data, closed=not it.keep_alive).body == b"fileagainfile"

    def test_announced_length_is_reached(self) -> None:
        """A body that has its announced length is complete, whatever is said of other parts."""
        it = encoder([(b"content-length", b"4")])
        it.encode_around(4, more=True)
        assert it.complete

    @pytest.mark.parametrize(("length", "more"), [(3, False), (5, False), (5, True)])
    def test_wrong_length(self, length: int, more: bool) -> None:
        """It must be just what the Content-Length lacks, or less where other parts follow."""
        with pytest.raises(ResponseError, match="4 bytes of the body are missing"):
            encoder([(b"content-length", b"4")]).encode_around(length, more=more)

    @pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
    def test_no_body(self, method: str, status: int) -> None:
        """Where there is no body there is no part of it."""
        assert not encoder(method=method, status=status).sends_body
        with pytest.raises(ResponseError, match="without a body"):
            encoder(method=method, status=status).encode_around(4)
