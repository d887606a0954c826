"""What is remembered of header blocks: never for longer than it is true."""

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

import hybrid.server.wire.http2.blocks as blocks_module
from hybrid.server.wire.http2.blocks import BlockDecoder, OversizedList
from hybrid.server.wire.http2.compression import Decompressor
from hybrid.server.wire.http2.frames import ConnectionFault
from tests.support.http2_requests import Sent, encoded, request_fields, requests

ADDS = b"\x40\x01a\x011"  # to the table
REFERS = b"\xbe"  # to what was added last


def test_repeated_block() -> None:
    """A block that comes again is the same object, with what was made of it."""
    decoder = BlockDecoder(4096, 65536)
    first = decoder.decode(b"\x82\x84")
    first.memo = "known"
    again = decoder.decode(b"\x82\x84")
    assert again is first
    assert again.fields == ((b":method", b"GET"), (b":path", b"/"))
    assert again.memo == "known"


@pytest.mark.parametrize(
    "change", [b"\x40\x01b\x012", b"\x20", b"\x3f\xe1\x1f"], ids=["entry", "emptied", "sized as it was"]
)
def test_table_changes(change: bytes) -> None:
    """A block is forgotten when the table changes: it may mean something else, or nothing."""
    decoder = BlockDecoder(4096, 65536)
    decoder.decode(ADDS)
    before = decoder.decode(REFERS)
    decoder.decode(change)
    try:
        assert decoder.decode(REFERS) is not before
    except ConnectionFault:
        assert change == b"\x20"


def test_block_that_changes_the_table() -> None:
    """One that adds to the table does so each time."""
    decoder = BlockDecoder(4096, 65536)
    assert decoder.decode(ADDS) is not decoder.decode(ADDS)
    assert decoder.decode(b"\xbe\xbf").fields == ((b"a", b"1"), (b"a", b"1"))


def test_oversized_list_that_changes_the_table() -> None:
    """What is known is forgotten too when the block that changes the table is refused."""
    decoder = BlockDecoder(4096, 40)
    decoder.decode(ADDS)
    assert decoder.decode(REFERS).fields == ((b"a", b"1"),)
    for _ in range(2):  # is not remembered either
        with pytest.raises(OversizedList):
            decoder.decode(b"\x40\x01b\x012\x82")
    assert decoder.decode(REFERS).fields == ((b"b", b"2"),)


def literal(number: int, size: int) -> bytes:
    """Make a block of so many bytes that no other number makes."""
    value = b"%0*d" % (size - 6, number)
    return b"\x00\x01a" + b"\x7f%c%c" % ((len(value) - 127) & 0x7F | 0x80, (len(value) - 127) >> 7) + value


@pytest.mark.parametrize("size", [150, 1000, 1024, 1025], ids=str)
def test_memory(size: int) -> None:
    """However many blocks come, few are remembered; large ones are not."""
    decoder = BlockDecoder(4096, 65536)
    for number in range(200):
        block = literal(number, size)
        assert len(block) == size
        assert decoder.decode(block).fields[0][1] == b"%0*d" % (size - 6, number)
        assert len(decoder._known) <= blocks_module._MOST_KNOWN
        assert decoder._room >= 0
        assert sum(map(len, decoder._known)) + decoder._room == blocks_module._KNOWN_SIZES
    assert bool(decoder._known) == (size <= 1024)


@given(
    st.lists(
        st.sampled_from([ADDS, REFERS, b"\xbf", b"\x82", b"\x20", b"\x40\x01b\x012", b"\xff"]), max_size=12
    )
)
def test_memory_changes_nothing(blocks: list[bytes]) -> None:
    """Blocks in whatever order mean what they mean to one that remembers nothing."""
    decoder, plain = BlockDecoder(4096, 100), Decompressor(4096, 100)
    for block in blocks:
        try:
            expected = plain.decode(block)
        except (ConnectionFault, OversizedList) as error:
            with pytest.raises(type(error)):
                decoder.decode(block)
            if isinstance(error, ConnectionFault):
                return
        else:
            assert decoder.decode(block).fields == expected


@given(st.lists(requests(), min_size=1, max_size=4), st.integers(1, 3))
def test_fields_come_out_as_sent(sent: list[Sent], times: int) -> None:
    """Requests come out as they were sent, those of a client that repeats itself too."""
    encoder, decoder = Encoder(), BlockDecoder(4096, 65536)
    for each in sent * times:
        assert decoder.decode(encoded(encoder, each.fields)).fields == tuple(each.fields)


def test_usual_client() -> None:
    """A client that adds its fields to the table with the first request, but no path, is known with the
    third.
    """
    encoder, decoder = Encoder(), BlockDecoder(4096, 65536)
    fields = request_fields((b"user-agent", b"test"), (b"accept", b"*/*"), path=b"/here")
    decoded = [decoder.decode(encoded(encoder, fields)) for _ in range(3)]
    assert decoded[2] is decoded[1]
    assert decoded[1] is not decoded[0]
