"""What is no response that could be sent on, of applications that write their own: one error, no other."""

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http2.responses import ResponseReader
from tests.support.http2_responses import meaning, ways

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
MIB = 1 << 20
ENDLESS = r"(do|does) not end"


def feed(reader: ResponseReader, pieces: list[bytes]) -> None:
    """Give a reader these pieces."""
    for piece in pieces:
        reader.feed(piece)


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"<html></html>\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 600 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 -20 OK\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"a: b\r\n folded\r\n\r\n",
        OK + b"a: b\n\r\n\r\n",
        OK + b"a : b\r\n\r\n",
        OK + b":status: 404\r\n\r\n",
        OK + b"content-length: \r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"content-length: +1\r\n\r\n",
        OK + b"content-length: 1_0\r\n\r\n",
        OK + b"content-length: 0x1\r\n\r\n",
        OK + b"content-length: 1, 1\r\n\r\n",
        OK + b"content-length: \xb2\r\n\r\n",
        OK + b"content-length: 1234567890123456789\r\n\r\n",
        OK + b"content-length: 1\r\ncontent-length: 1\r\n\r\n",
        OK + b"Content-Length: 1\r\ncontent-length: 2\r\n\r\n",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n",
        OK + b"transfer-encoding: identity\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        OK + b"transfer-encoding:\r\n\r\n",
        OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"x\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"+1\r\n",
        CHUNKED + b"0x1\r\n",
        CHUNKED + b"1_0\r\n",
        CHUNKED + b" 1\r\n",
        CHUNKED + b"1 1\r\n",
        CHUNKED + b"1\n",
        CHUNKED + b"1;a\0\r\n",
        CHUNKED + b"1234567890abcdef\r\n",
        CHUNKED + b"1\r\nab\r\n",
        CHUNKED + b"1\r\na\n",
        CHUNKED + b"0\r\nno colon\r\n",
        CHUNKED + b"0\r\n a: b\r\n",
        CHUNKED + b"0\r\na: b\n",
        CHUNKED + b"0\r\na: b\rc\r\n",
    ],
    ids=repr,
)
def test_errors(raw: bytes) -> None:
    """It is the same error for any pieces. What comes then is not looked at, and the response never ends."""
    for way in ways(raw):
        reader = ResponseReader("GET")
        with pytest.raises(ResponseError):
            feed(reader, way)
        assert reader.feed(OK + b"content-length: 0\r\n\r\n") == []
        assert not reader.complete


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_page_is_no_websocket(status: int) -> None:
    """An answer to a request for a WebSocket that would grant it in HTTP/2, but not in HTTP/1.1."""
    with pytest.raises(ResponseError, match=f"a status of {status} in answer to a request for a WebSocket"):
        ResponseReader("GET", websocket=True).feed(b"HTTP/1.1 %d\r\ncontent-length: 0\r\n\r\n" % status)


LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK", b"HTTP/1.1 101 S", b"HTTP/1.0 404", b"HTTP/1.1 100 C", b"content-length: 3",
        b"Content-Length: 0", b"Transfer-Encoding: chunked", b"connection: a, close", b"a: b", b"", b"0",
        b"3", b"abc", b"5;x",
    ]
)  # fmt: skip


@given(
    st.lists(LINES.map(lambda line: line + b"\r\n") | st.binary(max_size=5), max_size=12),
    st.sampled_from(["GET", "HEAD"]),
    st.booleans(),
)
def test_anything(pieces: list[bytes], method: str, websocket: bool) -> None:
    """Of what looks like a response there are parts in their order, or that error."""
    parts = []
    reader = ResponseReader(method, websocket=websocket)
    with suppress(ResponseError):
        for piece in pieces:
            parts += reader.feed(piece)
        parts += reader.feed_eof()
    assert meaning(parts).complete == reader.complete


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b"x" * 1000),
        (OK, b"x-a: 1\r\n" * 100),
        (CHUNKED, b"1" * 1000),
        (CHUNKED + b"0\r\n", b"x" * 1000),
        (CHUNKED + b"0\r\n", (b"x-a: " + b"1" * 100 + b"\r\n") * 10),
    ],
    ids=["a line", "a head", "a size", "a trailer", "trailers"],
)
def test_what_does_not_end(start: bytes, piece: bytes) -> None:
    """Heads, lines and trailers have a size that they may not exceed, and so has what is kept of them."""
    reader = ResponseReader("GET")
    reader.feed(start)
    tracemalloc.start()
    try:
        with pytest.raises(ResponseError, match=ENDLESS):
            feed(reader, [piece] * (2 * MIB // len(piece)))
        assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    finally:
        tracemalloc.stop()


def test_what_does_not_end_in_one_piece() -> None:
    """The same at once."""
    for raw in (b"x" * (MIB + 1), CHUNKED + b"1" * (MIB + 1)):
        with pytest.raises(ResponseError, match=ENDLESS):
            ResponseReader("GET").feed(raw)
