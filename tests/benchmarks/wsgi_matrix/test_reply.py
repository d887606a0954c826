import pytest

from benchmarks.wsgi_matrix.reply import End, parse

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "body", "end"),
    [
        (LENGTH + b"body", b"body", End.WHOLE),
        (LENGTH + b"bo", b"bo", End.CLOSED),
        (CHUNKED + b"2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n", b"body", End.WHOLE),
        (CHUNKED + b"2\r\nbo\r\n", b"bo", End.CLOSED),
        (CHUNKED + b"2\r\nbo\r\n4\r\nd", b"bod", End.CLOSED),
        (CHUNKED + b"2\r\nbo\r\n0\r\n", b"bo", End.CLOSED),
        (CHUNKED + b"2\r\nbo\r\nzz\r\n", b"bo", End.CLOSED),
        (TO_THE_END + b"body", b"body", End.WHOLE),
    ],
)
def test_end_of_a_response_whose_connection_has_closed(raw: bytes, body: bytes, end: End) -> None:
    """The client knows by length or chunks whether it has all; without either the end says nothing."""
    reply = parse(raw, "GET", closed=True)
    assert (reply.status, reply.body, reply.end) == (200, body, end)


@pytest.mark.parametrize(
    "raw", [b"", b"HTT", LENGTH[:20], LENGTH + b"bo", CHUNKED + b"2\r\nbo\r\n", TO_THE_END]
)
def test_end_of_a_response_whose_connection_is_open(raw: bytes) -> None:
    """More may come, and a body without length or chunks goes on until the connection ends."""
    reply = parse(raw, "GET", closed=False)
    assert reply.end is End.WAITING
    assert not reply.over


@pytest.mark.parametrize(
    ("method", "raw"),
    [
        ("HEAD", LENGTH),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
    ],
)
def test_responses_that_end_with_their_head(method: str, raw: bytes) -> None:
    """Neither to HEAD, nor for 204 and 304, is there a body; what follows is somebody else's."""
    reply = parse(raw + b"more", method, closed=False)
    assert (reply.body, reply.rest, reply.end) == (b"", b"more", End.WHOLE)


def test_what_follows_a_response() -> None:
    """The bytes after the announced length are no part of it."""
    assert parse(LENGTH + b"body" + LENGTH, "GET", closed=False).rest == LENGTH


def test_interim_responses() -> None:
    """They come before the response that counts, and are counted."""
    reply = parse(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + LENGTH, "GET", closed=False
    )
    assert (reply.interim, reply.status) == ((100, 103), 200)


def test_interim_response_alone() -> None:
    """It is no answer yet."""
    reply = parse(b"HTTP/1.1 100 Continue\r\n\r\n", "GET", closed=False)
    assert (reply.interim, reply.status, reply.end) == ((100,), 0, End.WAITING)


def test_fields() -> None:
    """Values are latin-1, found by name in any case, in order."""
    raw = b"HTTP/1.1 200 All right\r\nX-A: caf\xe9\r\nx-a:2\r\n\r\n"
    reply = parse(raw, "GET", closed=True)
    assert (reply.reason, reply.values("X-a")) == ("All right", ["caf\xe9", "2"])


def test_garbage() -> None:
    """What does not begin as a response is none, and nothing that may still come can help."""
    reply = parse(b"56HTTP/1.1 200 OK\r\n\r\n", "GET", closed=False)
    assert (reply.status, reply.end, reply.over) == (0, End.GARBAGE, True)


@pytest.mark.parametrize(
    ("raw", "closed", "words"),
    [
        (b"", False, "no answer"),
        (b"", True, "the connection is closed without an answer"),
        (LENGTH + b"body", False, "status 200"),
        (LENGTH + b"bo", True, "status 200, cut off"),
        (LENGTH + b"bo", False, "status 200, and then nothing"),
    ],
)
def test_words(raw: bytes, closed: bool, words: str) -> None:
    """A reply says of itself what a person would see."""
    assert str(parse(raw, "GET", closed=closed)) == words
