"""Header blocks decompressed, in the order of RFC 7541, and as :mod:`hpack` does it."""

import tracemalloc
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.server.wire.http2.compression import (
    DEFAULT_TABLE_SIZE,
    FIELD_OVERHEAD,
    Decompressor,
    Field,
    OversizedList,
)
from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode

LARGE = 1 << 20


def decompressor(*blocks: bytes, max_table_size: int = 4096, max_list_size: int = LARGE) -> Decompressor:
    """Make a decompressor that has read these blocks."""
    made = Decompressor(max_table_size, max_list_size)
    for block in blocks:
        made.decode(block)
    return made


def entries(made: Decompressor) -> list[tuple[bytes, bytes]]:
    """Return what is in the dynamic table, the newest first."""
    return list(made._entries)


# Section 2.3: the tables.


def test_static_table() -> None:
    """Each of the 61 entries of the static table can be referred to (section 2.3.1)."""
    fields = decompressor().decode(bytes(0x80 | index for index in range(1, 62)))
    assert len(fields) == 61
    assert (fields[0], fields[1], fields[60]) == (
        (b":authority", b""),
        (b":method", b"GET"),
        (b"www-authenticate", b""),
    )


def test_newest_entry_first() -> None:
    """The dynamic table begins at 62 with what was added last (section 2.3.3)."""
    made = decompressor(b"\x40\x01a\x011", b"\x40\x01b\x012")
    assert made.decode(b"\xbe\xbf") == ((b"b", b"2"), (b"a", b"1"))


# Section 4: the size of the dynamic table.


@pytest.mark.parametrize(
    ("updates", "kept"),
    [
        pytest.param(b"\x3f\xe1\x1f", 2, id="as large as it is"),
        pytest.param(b"\x3f\x03", 1, id="of one entry"),
        pytest.param(b"\x3f\x02", 0, id="a byte less"),
        pytest.param(b"\x20", 0, id="of nothing"),
        pytest.param(b"\x20\x3f\xe1\x1f", 0, id="emptied, and as before"),
    ],
)
def test_resizing(updates: bytes, kept: int) -> None:
    """A smaller table loses its oldest entries at once (section 4.3)."""
    made = decompressor(b"\x40\x01a\x011", b"\x40\x01b\x012")
    assert made.decode(updates) == ()
    assert entries(made) == [(b"b", b"2"), (b"a", b"1")][:kept]


def test_eviction() -> None:
    """A new entry takes the place of as many old ones as it needs (section 4.4)."""
    made = decompressor(b"\x3f\x45" + b"\x40\x01a\x011" * 2)  # 100 bytes, of 34 each
    assert made.decode(b"\x40\x01b\x21" + b"2" * 33) == ((b"b", b"2" * 33),)
    assert entries(made) == [(b"b", b"2" * 33), (b"a", b"1")]


def test_entry_named_after_one_that_goes() -> None:
    """A field may have its name from the entry whose place it takes (section 4.4)."""
    made = decompressor(b"\x3f\x03" + b"\x40\x01a\x011")
    assert made.decode(b"\x7e\x012") == ((b"a", b"2"),)
    assert entries(made) == [(b"a", b"2")]


def test_entry_larger_than_the_table() -> None:
    """An entry that is larger than the table empties it, and is no error (section 4.4)."""
    made = decompressor(b"\x3f\x03" + b"\x40\x01a\x011")
    assert made.decode(b"\x40\x01b\x0222") == ((b"b", b"22"),)
    assert entries(made) == []


# Section 5: integers and strings.


@pytest.mark.parametrize(
    ("size", "value"),
    [(b"\x7e", 126), (b"\x7f\x00", 127), (b"\x7f\x80\x01", 255), (b"\x7f\x80\x80\x80\x80\x00", 127)],
    ids=["prefix", "one byte", "two bytes", "five bytes with zeros"],
)
def test_integer(size: bytes, value: int) -> None:
    """Integers take as many bytes as they need, or more (section 5.1)."""
    assert decompressor().decode(b"\x00\x01a" + size + b"v" * value) == ((b"a", b"v" * value),)


# What does not decode.

BROKEN = {
    "4.2 resized after a field": b"\x82\x20",
    "4.2 resized after a literal": b"\x00\x01a\x00\x20",
    "4.2 resized after a field, or an incomplete literal": b"\x82\x20\x01a\x00",
    "5.1 integer without an end": b"\xff",
    "5.1 integer without an end, in a literal": b"\x7f\x80",
    "5.1 integer of six bytes": b"\xff\x80\x80\x80\x80\x80\x00",
    "5.1 integer of many bytes": b"\xff" + b"\x80" * 1000,
    "5.2 string cut short": b"\x00\x01a\x05bcde",
    "5.2 name cut short": b"\x00\x05abcd",
    "5.2 string of four gigabytes": b"\x00\x01a\x7f\xff\xff\xff\xff\x0f",
    "5.2 literal without a value": b"\x00\x01a",
    "5.2 literal without anything": b"\x40",
    "5.2 Huffman padding of a byte": b"\x00\x01a\x82\x1f\xff",
    "5.2 Huffman padding of zeros": b"\x00\x01a\x81\x18",
    "5.2 Huffman code of the end": b"\x00\x01a\x84\xff\xff\xff\xff",
    "6.1 index 0": b"\x80",
    "6.1 index beyond the tables": b"\xbe",
    "6.1 large index": b"\xff\xff\xff\xff\x0f",
    "6.2 name beyond the tables": b"\x7e\x00",
    "6.3 table above the limit": b"\x3f\xe2\x1f",
    "6.3 table far above the limit": b"\x3f\xff\xff\xff\xff\x0f",
}


@pytest.mark.parametrize("block", BROKEN.values(), ids=BROKEN)
def test_broken(block: bytes) -> None:
    """What does not decode ends the connection with COMPRESSION_ERROR (RFC 9113 section 4.3)."""
    with pytest.raises(ConnectionFault) as caught:
        decompressor().decode(block)
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


def test_larger_table() -> None:
    """A client may have as large a table as it was told, and no larger."""
    made = decompressor(b"\x3f\xe1\x3f", max_table_size=8192)
    for _ in range(2):
        made.decode(b"\x40\x01a\x7f\xe1\x1d" + b"v" * 3936)
    assert len(entries(made)) == 2
    with pytest.raises(ConnectionFault):
        made.decode(b"\x3f\xe2\x3f")


# Appendix C: the examples.

REQUESTS = [
    [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")],
    [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
        (b"cache-control", b"no-cache"),
    ],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
]
PLAIN = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
]
HUFFMAN = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
]


@pytest.mark.parametrize("blocks", [PLAIN, HUFFMAN], ids=["C.3", "C.4"])
def test_examples(blocks: list[str]) -> None:
    """The RFC's examples decode as it says, and leave the table that it shows."""
    made = decompressor()
    for block, fields in zip(blocks, REQUESTS, strict=True):
        assert made.decode(bytes.fromhex(block)) == tuple(fields)
    assert entries(made) == [
        (b"custom-key", b"custom-value"),
        (b"cache-control", b"no-cache"),
        (b":authority", b"www.example.com"),
    ]
    assert made._size == 164


@pytest.mark.parametrize(
    ("block", "field", "added"),
    [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", (b"custom-key", b"custom-header"), True),
        ("040c2f73616d706c652f70617468", (b":path", b"/sample/path"), False),
        ("100870617373776f726406736563726574", (b"password", b"secret"), False),
        ("82", (b":method", b"GET"), False),
    ],
    ids=["C.2.1", "C.2.2", "C.2.3", "C.2.4"],
)
def test_representations(block: str, field: tuple[bytes, bytes], added: bool) -> None:
    """Each representation gives its field, and only one of them comes into the table."""
    made = decompressor()
    assert made.decode(bytes.fromhex(block)) == (field,)
    assert entries(made) == [field] * added


# Lists that are too large.


def test_size_of_a_list() -> None:
    """A list counts the bytes of its fields and 32 for each (RFC 9113 section 6.5.2)."""
    block = b"\x82\x00\x01a\x011"  # 42 and 34 bytes
    assert len(decompressor(max_list_size=76).decode(block)) == 2
    with pytest.raises(OversizedList):
        decompressor(max_list_size=75).decode(block)


@pytest.mark.parametrize("huffman", [False, True], ids=["plain", "Huffman"])
def test_table_after_a_list_that_was_too_large(huffman: bool) -> None:
    """A list that is too large is read to its end: the table is the client's, so that the next decodes."""
    encoder = Encoder()
    made = decompressor(max_list_size=200)
    fields = [(f"name-{number}".encode(), b"value") for number in range(20)]
    with pytest.raises(OversizedList):
        made.decode(encoder.encode(fields, huffman=huffman))
    again = encoder.encode(fields[-3:], huffman=huffman)
    assert len(again) == 3
    assert made.decode(again) == tuple(fields[-3:])


def test_bomb() -> None:
    """A kilobyte that refers to megabytes is refused without their having been there: a large entry is
    referred to, and not kept once the list is too large.
    """
    made = decompressor(b"\x40\x01a\x7f\xe1\x1d" + b"v" * 3936, max_list_size=65536)
    with pytest.raises(OversizedList):
        made.decode(b"\xbe" * 1000)
    assert made.decode(b"\xbe") == ((b"a", b"v" * 3936),)


class Counted(deque[Field]):
    """A table that counts what is done to it."""

    added = evicted = 0

    def appendleft(self, field: Field) -> None:
        """Count it."""
        self.added += 1
        super().appendleft(field)

    def pop(self) -> Field:  # type: ignore[override] # nobody says which
        """Count it."""
        self.evicted += 1
        return super().pop()


#: What empties the table, and what gives it its size again.
EMPTY, FULL = b"\x20", b"\x3f\xe1\x1f"
#: The shortest field that comes into the table: the name of another one, and no value.
SHORTEST = b"\x44\x00"


@pytest.mark.parametrize(
    ("block", "added"),
    [
        (SHORTEST * 2000, 2000),
        ((b"\x44\x7f\xa1\x1e" + b"x" * 4000) * 4, 4),
        ((b"\x44\x7f\xe1\x1f" + b"x" * 4192) * 4, 4),
        (EMPTY + FULL + SHORTEST * 100, 100),
        ((EMPTY + FULL) * 1000, 0),
    ],
    ids=[
        "small entries",
        "each pushes all out",
        "each too large",
        "emptied at first",
        "emptied again and again",
    ],
)
def test_thrash(block: bytes, added: int) -> None:
    """Whatever a client does to the table, an entry goes out once for each time that it came in, and a block
    has two bytes at least for each of those: the work is in proportion to what is sent.
    """
    made = Decompressor(DEFAULT_TABLE_SIZE, 16384)
    table = made._entries = Counted()
    for _ in range(10):
        with suppress(OversizedList):
            made.decode(block)
        assert len(table) <= DEFAULT_TABLE_SIZE // FIELD_OVERHEAD
    assert table.added == 10 * added <= 10 * len(block) // 2
    assert table.evicted == table.added - len(table)


def test_fields_of_a_list_that_is_too_large() -> None:
    """What is beyond the limit takes no memory, not even references to fields that are there."""
    made, block = decompressor(max_list_size=4096), b"\x82" * 50_000
    tracemalloc.start()
    try:
        with pytest.raises(OversizedList):
            made.decode(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50_000


def test_unwanted_literal_is_not_decoded() -> None:
    """Behind what is too much, a literal that no table needs is passed by: not even its code is looked at."""
    made = decompressor(max_list_size=50)
    with pytest.raises(OversizedList):
        made.decode(b"\x82\x82" + b"\x00\x01a\x84\xff\xff\xff\xff")
    assert made.decode(b"\x82") == ((b":method", b"GET"),)


# Against hpack.


def outcome(decoder: Decompressor | Decoder, block: bytes) -> object:
    """Return what a decoder makes of a block: fields, or that it is broken."""
    try:
        if isinstance(decoder, Decompressor):
            return decoder.decode(block)
        return tuple(tuple(field) for field in decoder.decode(block, raw=True))
    except (ConnectionFault, HPACKError):
        return ConnectionFault


def assert_alike(blocks: Iterable[bytes]) -> None:
    """Check that both make the same of blocks, up to one that is broken."""
    ours, theirs = decompressor(), Decoder(LARGE)
    for block in blocks:
        mine = outcome(ours, block)
        assert mine == outcome(theirs, block)
        if mine is ConnectionFault:
            return
        assert entries(ours) == list(theirs.header_table.dynamic_entries)


Fields = list[tuple[bytes, bytes]]
STRINGS = st.binary(max_size=6) | st.sampled_from([b"a", b"cookie", b":path", b"v" * 500, b"v" * 5000])
FIELDS = st.lists(st.tuples(STRINGS, STRINGS), max_size=6)
SIZES = st.none() | st.sampled_from([0, 40, 64, 100, 4096])


@given(st.lists(st.tuples(FIELDS, st.booleans(), SIZES), max_size=8), st.data())
def test_as_hpack_encodes(lists: list[tuple[Fields, bool, int | None]], data: st.DataObject) -> None:
    """Blocks of that library's encoder decode to what they were made of, whatever becomes of the table; and
    blocks that come again, in any order, mean the same to that library's decoder.
    """
    encoder, made = Encoder(), decompressor()
    blocks: list[bytes] = []
    for fields, huffman, size in lists:
        if size is not None:
            encoder.header_table_size = size
        blocks.append(encoder.encode(fields, huffman=huffman))
        assert made.decode(blocks[-1]) == tuple(fields)
    if blocks:
        again = data.draw(st.lists(st.sampled_from(blocks), max_size=8), "again")
        assert_alike([*blocks, *again])


#: What blocks are made of: pieces that are valid, that need others, and that are not.
PIECES = st.sampled_from(
    [
        b"\x82", b"\xbe", b"\xbf", b"\xc2", b"\x40\x01a\x011", b"\x40\x01b\x83\x1f\x1f\x1f", b"\x7e\x012",
        b"\x0f\x01\x00", b"\x10\x01c\x00", b"\x20", b"\x3f\x45", b"\x3f\xe1\x1f", b"\x7f", b"\xff",
        b"\x80", b"\x00", b"\x41\x8c\xf1\xe3\xc2\xe5\xf2:k\xa0\xab\x90\xf4\xff",
        b"\x40\x01d\x7f\xe1\x1d" + b"v" * 3936,
    ]
)  # fmt: skip


@given(st.lists((st.lists(PIECES, max_size=6).map(b"".join)) | st.binary(max_size=20), max_size=6))
@settings(max_examples=500, deadline=None)
def test_as_hpack_decodes(blocks: list[bytes]) -> None:
    """Of any bytes we make what that library makes, the table included, or both refuse them."""
    assert_alike(blocks)


@given(st.lists(st.lists(PIECES, max_size=8).map(b"".join), max_size=6), st.integers(0, 300))
@settings(deadline=None)
def test_limit_changes_no_table(blocks: list[bytes], limit: int) -> None:
    """The table does not depend on whether lists were too large."""
    limited, unlimited = decompressor(max_list_size=limit), decompressor()
    for block in blocks:
        expected = outcome(unlimited, block)
        with suppress(OversizedList):
            assert outcome(limited, block) == expected
        if expected is ConnectionFault:
            return
        assert entries(limited) == entries(unlimited)
