"""Header fields in HPACK, against the decoder of another library; and what is remembered of them."""

import pytest
from hpack import Decoder, NeverIndexedHeaderTuple
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http2 import fields as module
from hybrid.server.wire.http2.fields import (
    LENGTH_DIGITS,
    NEVER_INDEXED,
    encode_field,
    encode_length,
    encode_line,
    encode_status,
    known_line,
    read_line,
)
from hybrid.server.wire.http2.parts import Trailers
from hybrid.server.wire.http2.responses import ResponseReader
from tests.support.http2_responses import decode

STATIC = [name for name in module._names if not name.startswith(b":")]
NAMES = st.sampled_from(STATIC) | st.from_regex(rb"[!#$%&'*+\-.^_`|~0-9a-z]{1,200}", fullmatch=True)
VALUES = st.binary(max_size=40) | st.integers(100, 20000).map(bytes)
DATE = b"date: Thu, 26 Nov 2026 15:29:27 GMT"


@pytest.fixture(autouse=True)
def _forget() -> None:
    """Begin with nothing known."""
    module._known_lines.clear()
    module._met.clear()


@given(st.lists(st.tuples(NAMES, VALUES.map(lambda value: value.strip(b"\t ")), st.booleans()), max_size=5))
def test_fields(fields: list[tuple[bytes, bytes, bool]]) -> None:
    """Any name, in the static table or not, and any value come out again, Huffman-coded or not."""
    block = b"".join(encode_field(name, value, huffman=huffman) for name, value, huffman in fields)
    decoder = Decoder(max_header_list_size=1 << 24)
    assert decoder.decode(block, raw=True) == [(name, value) for name, value, _ in fields]


@pytest.mark.parametrize(("value", "saved"), [(b"123", 1), (b"hybrid", 1), (b"xx", 0), (b"\xff\xff", 0)])
def test_huffman_coding(value: bytes, saved: int) -> None:
    """It is used where it makes a value shorter, by one octet at least."""
    assert len(encode_field(b"server", value)) - len(encode_field(b"server", value, huffman=True)) == saved


@pytest.mark.parametrize("status", [b"%d" % status for status in range(100, 600)])
def test_statuses(status: bytes) -> None:
    """Every status comes out again, in one octet where the static table has it."""
    block = encode_status(status)
    assert decode(block) == [(b":status", status)]
    assert len(block) == (1 if status in (b"200", b"204", b"206", b"304", b"400", b"404", b"500") else 5)


@given(st.integers(0, 10**LENGTH_DIGITS - 1), st.integers(1, LENGTH_DIGITS))
def test_lengths(length: int, digits: int) -> None:
    """Every length comes out again, with as many digits as it was written with."""
    written = b"%0*d" % (digits, length)
    assert decode(encode_length(written)) == [(b"content-length", written)]


@pytest.mark.parametrize("name", sorted({*STATIC, b"x-a", *NEVER_INDEXED}))
@pytest.mark.parametrize("huffman", [True, False])
def test_never_indexed(name: bytes, *, huffman: bool) -> None:
    """RFC 7541 section 7.1.3: what is secret is marked for all who pass it on, and nothing else."""
    (field,) = Decoder().decode(encode_field(name, b"a secret of somebody's", huffman=huffman), raw=True)
    assert isinstance(field, NeverIndexedHeaderTuple) == (name in NEVER_INDEXED)


def test_secrets_are_not_remembered() -> None:
    """Nothing is kept of them, however often they come."""
    for name in NEVER_INDEXED:
        line = name.title() + b": secret"
        for _ in range(3):
            assert decode(encode_line(line, name, b"secret")) == [(name, b"secret")]
        assert known_line(line) is None
    assert not module._met


def test_what_comes_again_is_remembered() -> None:
    """A line is known, and Huffman-coded, from the second time on: what never comes again is worth neither
    the time nor the place.
    """
    name, value = read_line(DATE)
    first = encode_line(DATE, name, value)
    assert known_line(DATE) is None
    second = encode_line(DATE, name, value)
    assert known_line(DATE) is second
    assert len(second) < len(first)
    assert decode(first) == decode(second) == [(name, value)]
    assert not module._met


def test_trailers_that_come_again() -> None:
    """They are remembered as fields of heads are."""
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\ngrpc-status: 0\r\n\r\n"
    parts = [ResponseReader("POST").feed(raw)[1] for _ in range(4)]
    assert len({block for (block,) in parts[1:]}) == 1  # type: ignore[misc]
    assert parts[3] == Trailers(known_line(b"grpc-status: 0") or b"")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are never more lines, or longer ones; a full store starts anew."""
    monkeypatch.setattr(module, "_LINES_LIMIT", 4)
    for number in range(20):
        line = b"x-a: %d" % number
        for _ in range(number % 2 + 1):
            encode_line(line, b"x-a", b"%d" % number)
        assert len(module._known_lines) <= 4
        assert len(module._met) <= 4
    assert known_line(b"x-a: 19") is not None
    long = b"x-a: " + b"y" * module._LINE_SIZE
    for _ in range(3):
        assert decode(encode_line(long, *read_line(long))) == [(b"x-a", long[5:])]
    assert known_line(long) is None


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"a: b", (b"a", b"b")),
        (b"A-b:C", (b"a-b", b"C")),
        (b"a:", (b"a", b"")),
        (b"a: \t ", (b"a", b"")),
        (b"a:\t b c\t", (b"a", b"b c")),
        (b"a: b: c", (b"a", b"b: c")),
        (b"a: \xff", (b"a", b"\xff")),
    ],
)
def test_lines(line: bytes, field: tuple[bytes, bytes]) -> None:
    """Names are in lower case, and spaces around values are none of theirs (RFC 9112 section 5.1)."""
    assert read_line(line) == field


@pytest.mark.parametrize(
    "line",
    [
        b"", b"a", b": b", b"a : b", b" a: b", b"\ta: b", b"a b: c", b"a: b\0", b"a: b\rc", b"a: b\nc",
        b"\xff: a", b"a: \x7f", b":status: 200", b"a: \x0b",
    ],
)  # fmt: skip
def test_what_is_no_line(line: bytes) -> None:
    """Continued lines, control characters and what is no name raise an error."""
    with pytest.raises(ResponseError, match="invalid header field"):
        read_line(line)
