"""The decoder of chunked bodies: any pieces; what the RFC says of the coding is in tests/conformance."""

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.limits import Limits
from hybrid.server.wire.chunked import ChunkedDecoder
from hybrid.server.wire.errors import RequestError
from tests.support.requests import bytewise


def decode(pieces: Iterable[bytes], limits: Limits | None = None) -> tuple[bytes, bytes]:
    """Decode the pieces to their end; give the body and what follows it."""
    decoder = ChunkedDecoder(limits or Limits())
    body = b""
    coming = iter(pieces)
    for piece in coming:
        body += decoder.feed(piece)
        if decoder.done:
            return body, decoder.take_rest() + b"".join(coming)
    raise AssertionError(f"the body does not end: {decoder}")


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.sampled_from([b"%x", b"%X", b"00%x", b"%x;a", b'%x;a="b;c"']),
    st.sampled_from([b"", b"A: b\r\n", b"A:\r\nB: \xff\r\n"]),
    st.binary(max_size=10),
    st.data(),
)
def test_any_pieces(
    chunks: list[bytes], size: bytes, trailers: bytes, after: bytes, data: st.DataObject
) -> None:
    """The body, and what follows it, does not depend on the pieces."""
    raw = b"".join((size + b"\r\n%b\r\n") % (len(chunk), chunk) for chunk in chunks)
    raw += b"0\r\n" + trailers + b"\r\n" + after
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=10), "cuts"))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    for way in ([raw], pieces, bytewise(raw)):
        assert decode(way) == (b"".join(chunks), after)


def test_parts_are_given_as_they_come() -> None:
    """A part of a chunk is not held back until the rest of it is here."""
    decoder = ChunkedDecoder(Limits())
    assert decoder.feed(b"a\r\n01234") == b"01234"
    assert decoder.feed(b"") == b""
    assert decoder.feed(b"56789\r\n3\r\nabc") == b"56789abc"
    assert not decoder.done
    assert decoder.feed(b"\r\n0\r\n\r\n") == b""
    assert decoder.feed(b"GET") == b""
    assert decoder.take_rest() == b"GET"
    assert decoder.take_rest() == b""
    assert decoder.done


@given(st.binary(max_size=100))
def test_anything(data: bytes) -> None:
    """Whatever comes is decoded or refused, the same whole and in pieces."""
    outcomes = []
    for way in ([data], bytewise(data)):
        decoder = ChunkedDecoder(Limits())
        body = b""
        status = 0
        try:
            for piece in way:
                body += decoder.feed(piece)
                if decoder.done:
                    break
        except RequestError as error:
            status = error.status
        outcomes.append((status, decoder.done, body if not status else b""))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("line", [b"5;" + b"a" * 18, b"0" * 19 + b"5"])
def test_limit_of_the_size_line(line: bytes) -> None:
    """A line of the limit's length is read, and one byte more is not, however it comes."""
    limits = Limits(chunk_line=20)
    size = ChunkedDecoder(limits)
    if b";" in line:
        assert size.feed(line + b"\r\nhello") == b"hello"
    else:
        with pytest.raises(RequestError, match="invalid chunk size"):
            size.feed(line + b"\r\nhello")
    for way in ([b"5;" + b"a" * 19 + b"\r\n"], bytewise(b"5;" + b"a" * 40)):
        with pytest.raises(RequestError, match="400 Bad Request: chunk-size line too long"):
            decode(way, limits)


def test_limit_of_all_extensions() -> None:
    """The extensions of a body together may be longer than the body by the limit, and no more."""
    limits = Limits(chunk_extensions=10)
    chunk = b"1;234567\r\na\r\n"  # 7 bytes of extension, 1 of body
    raw = chunk + b"3\r\nbcd\r\n" + chunk + b"0\r\n\r\n"
    assert decode([raw], limits) == (b"abcda", b"")
    for way in ([chunk * 2 + b"0\r\n\r\n"], bytewise(chunk * 2)):
        with pytest.raises(RequestError, match="400 Bad Request: chunk extensions too long"):
            decode(way, limits)


@pytest.mark.parametrize("fill", [b" ", b"\t", b";a", b"; a =b ", b';a="\\"', b'\\"', b"="])
def test_extensions_take_no_time(fill: bytes) -> None:
    """A line of any length is looked at once: this test would not end otherwise."""
    limits = Limits(chunk_line=1 << 20, chunk_extensions=1 << 20)
    with pytest.raises(RequestError, match="invalid chunk size"):
        decode([b'5;a="' + fill * 50_000 + b"\x7f\r\nhello\r\n0\r\n\r\n"], limits)
    with pytest.raises(RequestError, match="invalid chunk size"):
        decode([b"5" + fill * 50_000 + b"\x7f\r\nhello\r\n0\r\n\r\n"], limits)


def test_limit_of_the_trailers() -> None:
    """The lines of the trailer section are bounded together."""
    limits = Limits(trailers=20)
    assert decode([b"0\r\n" + b"A: 45678\r\n" * 2 + b"\r\n"], limits) == (b"", b"")
    for way in ([b"0\r\n" + b"A: 45678\r\n" * 3], bytewise(b"0\r\n" + b"A: 45678\r\n" * 3)):
        with pytest.raises(RequestError, match=r"431 .*: trailer section too large"):
            decode(way, limits)


def test_limit_of_the_body() -> None:
    """A body of exactly the limit passes; a chunk that leads beyond it is refused by its size, before any of
    its data is here.
    """
    limits = Limits(request_body=5)
    for way in ([b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"], bytewise(b"5\r\nabcde\r\n0\r\n\r\n")):
        assert decode(way, limits) == (b"abcde", b"")
    for way in ([b"2\r\nab\r\n4\r\n"], bytewise(b"6\r\n"), [b"5\r\nabcde\r\n1\r\n"]):
        with pytest.raises(RequestError, match=r"413 .*: request body too large"):
            decode(way, limits)


def test_no_limit_of_the_body() -> None:
    """Where there is no limit, a chunk may announce as much as can be written."""
    decoder = ChunkedDecoder(Limits(request_body=0))
    assert decoder.feed(b"f" * 15 + b"\r\n" + b"a") == b"a"


def test_memory_of_many_small_chunks() -> None:
    """A body in chunks of one byte costs little more than its bytes, in one piece or in many."""
    raw = b"1\r\na\r\n" * 20_000
    tracemalloc.start()
    try:
        decoder = ChunkedDecoder(Limits())
        assert len(decoder.feed(raw)) == 20_000
        for _ in range(1000):
            assert decoder.feed(b"1\r\na\r\n") == b"a"
        current, peak = tracemalloc.get_traced_memory()
        assert current < 100_000
        assert peak < 20 * len(raw)
    finally:
        tracemalloc.stop()


def test_repr() -> None:
    """What a debugger shows says how far the body is."""
    decoder = ChunkedDecoder(Limits())
    decoder.feed(b"5\r\nab")
    assert repr(decoder) == "<ChunkedDecoder DATA left=3 buffered=0>"
