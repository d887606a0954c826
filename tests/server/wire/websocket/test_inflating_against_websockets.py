"""The parser of compressed messages against that of `websockets`: the same messages and close codes.

Where the two differ on purpose, `DIFFERENCES` says how and why; nothing else may differ.
"""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from hybrid.server.wire.websocket.deflate import Agreement, Inflater
from hybrid.server.wire.websocket.events import Event
from hybrid.server.wire.websocket.inflating import InflatingParser
from tests.support import readings
from tests.support.frames import in_pieces, raw
from tests.support.readings import LIMIT, Difference, Reading, difference, read, theirs
from tests.support.streams import anywhere, closes, control_frames, cut, damaged, keys

#: More than any stream here inflates to, so that nothing is held back.
ENOUGH = 1 << 30
LAST_BLOCK = "a last block, after which websockets drops everything"


class Reader(PerMessageDeflate):
    """The extension with which `websockets` reads; it says when it begins to drop what comes."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Inflate a frame."""
        decoded = super().decode(frame, max_size=max_size)
        decoder = getattr(self, "decoder", None)
        if decoder is not None and decoder.eof:
            raise ProtocolError(LAST_BLOCK)
        return decoded


@dataclass(frozen=True)
class Way:
    """How a client compresses: in what window, and whether it forgets after each message what was in it."""

    bits: int
    forgets: bool

    def ours(self, *pieces: bytes) -> Reading:
        """Read the pieces with a new parser."""
        agreement = Agreement(15, self.bits, False, self.forgets, b"")
        return read(InflatingParser(LIMIT, Inflater(agreement), ENOUGH), pieces)

    def reader(self) -> list[Extension]:
        """Make the extensions with which `websockets` reads what the client sends."""
        return [Reader(self.forgets, False, self.bits, 15)]

    def writer(self) -> PerMessageDeflate:
        """Make the extension with which the client writes."""
        return PerMessageDeflate(False, self.forgets, 15, self.bits)


def _goes_on(mine: Reading, other: Reading) -> bool:
    return mine.events[: len(other.events)] == other.events


def agree(one: Reading, other: Reading) -> bool:
    """Whether two readings are the same; of a text that is too long and not valid, either may be seen first.

    How much is inflated at once, and so which it is, depends on how the bytes arrive.
    """
    return one.events == other.events and (one.code == other.code or {one.code, other.code} <= {1007, 1009})


BROKEN = "compressed data that cannot be inflated"
EXAMPLE = Way(15, False)

DIFFERENCES = (
    *readings.DIFFERENCES,
    Difference(
        "bad data",
        "RFC 6455 section 7.4.1: 1007 is for data in a message that is not consistent with its type",
        raw(0xC2, b"\xff\xff\xff"),
        lambda mine, other: (
            mine.code == 1007 and other.reason == "decompression failed" and mine.events == other.events
        ),
    ),
    Difference(
        "end within a block",
        "RFC 7692 section 7.2.1: what is sent ends with a flushed block; otherwise something is missing",
        raw(0xC2, b"\x02"),
        lambda mine, other: mine.reason == BROKEN and other.events[: len(mine.events)] == mine.events,
    ),
    Difference(
        "last block",
        "RFC 7692 section 7.2.3.4: a message may have a block with the BFINAL bit set, and others after it",
        raw(0xC2, b"\x03\x00\x00") + raw(0xC2, b"\x02\x00"),
        lambda mine, other: other.reason == LAST_BLOCK and _goes_on(mine, other),
    ),
    Difference(
        "size of the message",
        "the limit is for what the application gets, which may be less than what came",
        raw(0xC2, b"\x00\x00\x00\xff\xff" * 61 + b"\x02\x00"),
        lambda mine, other: other.code == 1009 and mine.code != 1009 and _goes_on(mine, other),
    ),
)


def first_byte(frame: Frame) -> int:
    """Return the first byte of a frame as `websockets` has made it."""
    return frame.fin << 7 | frame.rsv1 << 6 | frame.opcode


texts = st.text(max_size=60).map(str.encode)
#: What can be compressed, and what cannot; now and then more than a message may be.
payloads = st.binary(max_size=140) | st.builds(bytes.__mul__, st.binary(max_size=9), st.integers(0, 40))


@st.composite
def streams(draw: st.DrawFn, way: Way) -> bytes:
    """Messages, compressed or not, in fragments or not, with control frames between."""
    writer = way.writer()
    data = b""
    for _ in range(draw(st.integers(0, 4))):
        is_text, compressed = draw(st.booleans()), draw(st.integers(0, 3)) > 0
        payload = draw(texts | payloads if is_text else payloads)
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        for index, (start, end) in enumerate(pairwise([0, *cuts, len(payload)])):
            opcode = Opcode.CONT if index else Opcode.TEXT if is_text else Opcode.BINARY
            frame = Frame(opcode, payload[start:end], fin=index == len(cuts))
            frame = writer.encode(frame) if compressed else frame
            data += b"".join(draw(st.lists(control_frames, max_size=1)))
            data += raw(first_byte(frame), bytes(frame.data), key=draw(keys))
    return data + draw(closes | st.just(b""))


def size(event: Event) -> int:
    """Return how many bytes a message had; 0 for a control frame."""
    match event:
        case str():
            return len(event.encode())
        case bytes():
            return len(event)
        case _:
            return 0


WAYS = [Way(15, False), Way(15, True), Way(9, False)]
ways = pytest.mark.parametrize("way", WAYS, ids=str)


class TestSameBytes:
    """Whatever a client sends that has agreed to compress."""

    @ways
    @given(data=st.data(), cuts=anywhere)
    def test_good_streams(self, way: Way, data: st.DataObject, cuts: list[int]) -> None:
        """Messages are the same, without any difference but that of :func:`agree`."""
        stream = data.draw(streams(way))
        mine = way.ours(stream)
        assert agree(mine, theirs(stream, way.reader))
        assert agree(way.ours(*cut(stream, cuts)), mine)
        assert agree(way.ours(*in_pieces(stream, 1)), mine)

    @ways
    @given(data=st.data(), cuts=anywhere)
    def test_mutations(self, way: Way, data: st.DataObject, cuts: list[int]) -> None:
        """Streams that have been damaged are read in the same way, and nothing too long is let through."""
        stream = data.draw(damaged(streams(way)))
        mine = way.ours(stream)
        difference(stream, mine, DIFFERENCES, way.reader)
        assert all(size(each) <= LIMIT for each in mine.events)
        assert agree(way.ours(*cut(stream, cuts)), mine)
        assert agree(way.ours(*in_pieces(stream, 1)), mine)


class TestDifferences:
    """What is done otherwise, on purpose."""

    @pytest.mark.parametrize("expected", DIFFERENCES[len(readings.DIFFERENCES) :], ids=lambda each: each.name)
    def test_there_is_one(self, expected: Difference) -> None:
        """Each difference that is listed is one."""
        mine = EXAMPLE.ours(expected.example)
        assert difference(expected.example, mine, DIFFERENCES, EXAMPLE.reader) is expected
