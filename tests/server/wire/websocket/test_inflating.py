"""The parser of compressed messages: RFC 7692 section 6, and what RFC 6455 says of frames and of text."""

import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask

from hybrid.server.wire.websocket.deflate import Agreement, Inflater
from hybrid.server.wire.websocket.events import Close, Event, Ping, WebSocketError
from hybrid.server.wire.websocket.inflating import InflatingParser

AGREEMENT = Agreement(15, 15, server_forgets=False, client_forgets=False, response=b"permessage-deflate")
FORGETFUL = AGREEMENT._replace(client_forgets=True)
KEY = b"\x11\xa2\x83\xf4"
MAX_SIZE = 1 << 20
HELLO = bytes.fromhex("f248cdc9c90700")

Outcome = tuple[list[Event], int | None]


def raw(first: int, payload: bytes = b"") -> bytes:
    """Build a client's frame, with any first byte."""
    length = len(payload)
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((first, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + length.to_bytes(8, "big")
    return head + KEY + apply_mask(payload, KEY)


def deflate(data: bytes) -> bytes:
    """Compress a message on its own."""
    stream = zlib.compressobj(wbits=-15)
    return (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def parser_for(agreement: Agreement = AGREEMENT, max_size: int = MAX_SIZE) -> InflatingParser:
    """Make a parser that never has enough."""
    return InflatingParser(max_size, Inflater(agreement), 1 << 40)


Feed = Callable[..., Outcome]


@pytest.fixture(params=[0, 1, 3], ids=["whole", "byte by byte", "in threes"])
def feed(request: pytest.FixtureRequest) -> Feed:
    """Every way in which the same bytes can arrive; the outcome must not depend on it."""

    def feed(data: bytes, agreement: Agreement = AGREEMENT, max_size: int = MAX_SIZE) -> Outcome:
        size = request.param or len(data)
        parser = parser_for(agreement, max_size)
        events: list[Event] = []
        for start in range(0, len(data), size):
            try:
                events += parser.feed(data[start : start + size])
            except WebSocketError as error:
                return events + error.events, error.code
        return events, None

    return feed


class TestMessages:
    """Section 6.2."""

    @pytest.mark.parametrize(
        "frames",
        [
            "c1 07 f2 48 cd c9 c9 07 00",
            "41 03 f2 48 cd 80 04 c9 c9 07 00",
            "c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00",
            "c1 08 f3 48 cd c9 c9 07 00 00",
            "c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
        ],
    )
    def test_examples(self, feed: Feed, frames: str) -> None:
        """The frames of section 7.2.3, masked as a client's are, are a message; again and again."""
        data = bytes.fromhex(frames)
        masked = b""
        while data:
            masked += raw(data[0], data[2 : 2 + data[1]])
            data = data[2 + data[1] :]
        assert feed(masked * 3) == (["Hello"] * 3, None)

    def test_context(self, feed: Feed) -> None:
        """A message may refer to those before it, uncompressed ones in between or not."""
        data = raw(0xC1, HELLO) + raw(0x81, b"plain") + raw(0xC1, bytes.fromhex("f200110000"))
        assert feed(data) == (["Hello", "plain", "Hello"], None)
        assert feed(data, FORGETFUL) == (["Hello", "plain"], 1007)

    def test_binary_and_empty(self, feed: Feed) -> None:
        """Binary messages and empty ones are compressed too."""
        assert feed(raw(0xC2, HELLO) + raw(0xC1, b"\0") + raw(0xC2, b"\x02\0")) == ([b"Hello", "", b""], None)

    def test_fragments(self, feed: Feed) -> None:
        """Fragments of a compressed message, some of them empty, with control frames between them."""
        data = raw(0x41, HELLO[:1]) + raw(0x89, b"p") + raw(0x00) + raw(0x00, HELLO[1:]) + raw(0x80)
        data += raw(0x01, b"a") + raw(0x80, b"b") + raw(0x41) + raw(0x80, HELLO)
        assert feed(data) == ([Ping(b"p"), "Hello", "ab", "Hello"], None)

    def test_close_in_a_message(self, feed: Feed) -> None:
        """A close frame ends what is incomplete."""
        assert feed(raw(0x41, HELLO[:3]) + raw(0x88, b"\x03\xe8") + raw(0xC1, HELLO)) == (
            [Close(1000, "")],
            None,
        )

    @pytest.mark.parametrize("first", [0x40, 0xC0])
    def test_bit_in_a_continuation(self, feed: Feed, first: int) -> None:
        """The bit belongs to the first frame of a message only: 1002."""
        assert feed(raw(0x41, HELLO[:3]) + raw(first, HELLO[3:])) == ([], 1002)
        assert feed(raw(0x01, b"a") + raw(first, b"b")) == ([], 1002)
        assert feed(raw(first, HELLO)) == ([], 1002)

    @pytest.mark.parametrize("first", [0xC8, 0xC9, 0xCA])
    def test_bit_on_control_frames(self, feed: Feed, first: int) -> None:
        """Control frames are never compressed: 1002."""
        assert feed(raw(first, HELLO)) == ([], 1002)

    @pytest.mark.parametrize("first", [0xE1, 0xD1, 0xA1, 0x91, 0x61, 0xC3])
    def test_other_bits(self, feed: Feed, first: int) -> None:
        """The other reserved bits and opcodes stay reserved: 1002."""
        assert feed(raw(first, HELLO)) == ([], 1002)


class TestText:
    """RFC 6455 section 8.1, after inflating."""

    def test_invalid(self, feed: Feed) -> None:
        """Text that inflates to what is not UTF-8 is 1007, however it is cut."""
        data = deflate(b"abc\xff")
        assert feed(raw(0xC1, data)) == ([], 1007)
        assert feed(raw(0x41, data[:2]) + raw(0x80, data[2:])) == ([], 1007)
        assert feed(raw(0xC1, deflate("é".encode()[:1]))) == ([], 1007)
        assert feed(raw(0xC2, data)) == ([b"abc\xff"], None)

    def test_fails_fast(self) -> None:
        """It fails as soon as it cannot become valid, and not at the end of its message."""
        parser = parser_for()
        stream = zlib.compressobj(wbits=-15)
        start = stream.compress(b"abc\xff") + stream.flush(zlib.Z_SYNC_FLUSH)
        with pytest.raises(WebSocketError) as caught:
            parser.feed(raw(0x41, start))
        assert caught.value.code == 1007

    def test_character_across_fragments(self, feed: Feed) -> None:
        """A character may be in two fragments."""
        stream = zlib.compressobj(wbits=-15)
        one = stream.compress("☃".encode()[:1]) + stream.flush(zlib.Z_SYNC_FLUSH)
        two = stream.compress("☃".encode()[1:]) + stream.flush(zlib.Z_SYNC_FLUSH)
        assert feed(raw(0x41, one) + raw(0x80, two[:-4])) == (["☃"], None)


class TestBroken:
    """Data that is not what its bit says: 1007."""

    @pytest.mark.parametrize("agreement", [AGREEMENT, FORGETFUL])
    @pytest.mark.parametrize("data", [b"\xff\xff\xff", b"", HELLO[:4], bytes.fromhex("f348cdc9c90700")])
    def test_broken(self, feed: Feed, data: bytes, agreement: Agreement) -> None:
        """Broken and incomplete data fails in its own message; what came before it counts."""
        assert feed(raw(0xC1, HELLO) + raw(0xC2, data) + raw(0x81, b"x"), agreement) == (["Hello"], 1007)
        assert feed(raw(0x42, data[:1]) + raw(0x80, data[1:]), agreement) == ([], 1007)

    def test_nothing_afterwards(self) -> None:
        """After a failure nothing is read, and nothing held."""
        inflater = Inflater(AGREEMENT)
        parser = InflatingParser(MAX_SIZE, inflater, 1 << 40)
        with pytest.raises(WebSocketError):
            parser.feed(raw(0xC1, HELLO) + raw(0xC1, b"\xff"))
        assert parser.feed(raw(0xC1, HELLO)) == []
        assert "idle" in repr(inflater)


class TestSize:
    """RFC 6455 section 10.4: what a message may be, and what it takes to find out."""

    @pytest.mark.parametrize(("size", "code"), [(99, None), (100, None), (101, 1009), (100_000, 1009)])
    def test_limit(self, feed: Feed, size: int, code: int | None) -> None:
        """A message may have as many bytes as any other, inflated."""
        data = deflate(b"x" * size)
        expected: Outcome = (["x" * size], None) if code is None else ([], code)
        assert feed(raw(0xC1, data), max_size=100) == expected
        assert feed(raw(0x41, data[:3]) + raw(0x80, data[3:]), max_size=100) == expected

    def test_data_may_be_longer(self, feed: Feed) -> None:
        """What does not compress is longer than the message, which is not too long."""
        noise = bytes(i * i * i % 251 for i in range(200))
        stored = (
            b"\x00" + (200).to_bytes(2, "little") + (0xFFFF - 200).to_bytes(2, "little") + noise + b"\x00"
        )
        assert feed(raw(0xC2, stored), max_size=200) == ([noise], None)
        assert feed(raw(0x42, stored[:100]) + raw(0x80, stored[100:]), max_size=200) == ([noise], None)
        assert feed(raw(0x82, stored), max_size=200) == ([], 1009)

    def test_announced_data(self) -> None:
        """A frame that is longer than any data of a message is refused for its header."""
        head = bytes((0xC2, 0xFF)) + (1 << 40).to_bytes(8, "big")
        with pytest.raises(WebSocketError) as caught:
            parser_for().feed(head)
        assert caught.value.code == 1009
        parser = parser_for()
        parser.feed(raw(0x42, HELLO))
        with pytest.raises(WebSocketError) as caught:
            parser.feed(bytes((0x80, 0xFF)) + (1 << 40).to_bytes(8, "big"))
        assert caught.value.code == 1009

    def test_data_that_inflates_to_nothing(self) -> None:
        """Data of empty blocks is bounded too."""
        parser = parser_for(max_size=100)
        block = b"\x00\x00\x00\xff\xff" * 2000
        with pytest.raises(WebSocketError) as caught:  # noqa: PT012 - the number of frames is not the point
            parser.feed(raw(0x42, block))
            for _ in range(10):
                parser.feed(raw(0x00, block))
        assert caught.value.code == 1009

    @pytest.mark.parametrize("fragments", [1, 7])
    def test_bomb(self, fragments: int) -> None:
        """A bomb of 200 MB is refused when 1 MiB of it has been inflated: memory shows it."""
        stream = zlib.compressobj(wbits=-15)
        bomb = b"".join(stream.compress(bytes(1_000_000)) for _ in range(200))
        bomb += stream.flush(zlib.Z_SYNC_FLUSH)
        size = len(bomb) // fragments + 1
        pieces = [bomb[start : start + size] for start in range(0, len(bomb), size)]
        frames = b"".join(
            raw((0x42 if number == 0 else 0x00) | (0x80 if number == fragments - 1 else 0), piece)
            for number, piece in enumerate(pieces)
        )
        parser = parser_for()
        tracemalloc.start()
        try:
            with pytest.raises(WebSocketError) as caught:
                parser.feed(frames)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert caught.value.code == 1009
        assert peak < 4 * MAX_SIZE


class TestEnough:
    """A few bytes that become many messages."""

    def test_held(self) -> None:
        """A call that has inflated enough holds the rest of the data until the next one."""
        parser = InflatingParser(MAX_SIZE, Inflater(AGREEMENT), 100_000)
        frames = [raw(0xC2, deflate(bytes((number,)) * 60_000)) for number in range(5)]
        assert parser.feed(b"".join(frames) + raw(0x89, b"p")) == [bytes(60_000), b"\x01" * 60_000]
        assert (parser.held, parser.weight) == (True, 120_000)
        assert parser.feed(raw(0x81, b"plain")) == [b"\x02" * 60_000, b"\x03" * 60_000]
        assert parser.feed(b"") == [b"\x04" * 60_000, Ping(b"p"), "plain"]
        assert (parser.held, parser.weight) == (False, 60_000)
        assert parser.feed(b"") == []

    def test_memory(self) -> None:
        """A thousand messages of 1 MiB in one read take the memory of one."""
        parser = InflatingParser(MAX_SIZE, Inflater(FORGETFUL), 100_000)
        data = raw(0xC2, deflate(bytes(MAX_SIZE))) * 1000
        tracemalloc.start()
        try:
            assert parser.feed(data) == [bytes(MAX_SIZE)]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 * MAX_SIZE


messages = st.lists(
    st.tuples(
        st.text(max_size=200) | st.binary(max_size=200) | st.builds(bytes, st.integers(0, 100_000)),
        st.booleans(),
        st.integers(1, 3),
    ),
    max_size=5,
)


def client_frames(message: str | bytes, fragments: int, peer: PerMessageDeflate | None) -> Iterator[bytes]:
    """Build the frames of a message, compressed by `websockets` or not at all."""
    data = message.encode() if isinstance(message, str) else message
    opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
    size = len(data) // fragments + 1
    pieces = [data[number * size : (number + 1) * size] for number in range(fragments)]
    for number, piece in enumerate(pieces):
        frame = Frame(Opcode.CONT if number else opcode, piece, fin=number == fragments - 1)
        if peer is not None:
            frame = peer.encode(frame)
        yield raw(frame.opcode | 0x80 * frame.fin | 0x40 * frame.rsv1, bytes(frame.data))


@given(messages, st.booleans(), st.integers(9, 15), st.integers(1, 500))
def test_against_websockets(
    sent: list[tuple[str | bytes, bool, int]], forgets: bool, bits: int, step: int
) -> None:
    """Whatever `websockets` sends, compressed, plain and in fragments, arrives, however it is cut."""
    peer = PerMessageDeflate(forgets, forgets, bits, bits)
    agreement = AGREEMENT._replace(client_bits=bits, client_forgets=forgets)
    data = b"".join(
        frame
        for message, compress, fragments in sent
        for frame in client_frames(message, fragments, peer if compress else None)
    )
    parser = parser_for(agreement)
    events: list[Event] = []
    for start in range(0, len(data), step):
        events += parser.feed(data[start : start + step])
    assert events == [message for message, _, _ in sent]
