"""The frame parser against that of `websockets`: the same bytes give the same messages and close code.

Where the two differ on purpose, `DIFFERENCES` says how and why, and nothing else may differ.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Close as ReferenceClose
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from hybrid.server.wire.websocket.frames import encode_close, encode_frame, encode_text
from hybrid.server.wire.websocket.parser import Close, Event, FrameParser, Ping, Pong
from tests.support.frames import feed_all, in_pieces, raw

LIMIT = 300


@dataclass(frozen=True)
class Reading:
    """What a parser makes of a stream: its events, and the code and the reason of its failure, if any."""

    events: list[Event]
    code: int | None = None
    reason: str = ""

    def same(self, other: "Reading") -> bool:
        """Whether it is the same but for the wording."""
        return (self.events, self.code) == (other.events, other.code)


def ours(*pieces: bytes) -> Reading:
    """Read the pieces with the parser of this project."""
    events, failure = feed_all(FrameParser(LIMIT), pieces)
    return Reading(events, failure.code, failure.reason) if failure else Reading(events)


def theirs(data: bytes) -> Reading:
    """Read the bytes with `websockets`; it leaves text undecoded, so that is done here, by frame."""
    protocol = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    protocol.receive_data(data)
    events: list[Event] = []
    message = b""
    decoder: codecs.IncrementalDecoder | None = None
    for frame in protocol.events_received():
        assert isinstance(frame, Frame)
        payload = bytes(frame.data)
        match frame.opcode:
            case Opcode.PING:
                events.append(Ping(payload))
            case Opcode.PONG:
                events.append(Pong(payload))
            case Opcode.CLOSE:
                closed = ReferenceClose.parse(payload)
                events.append(Close(int(closed.code), closed.reason))
            case _:
                if frame.opcode is not Opcode.CONT:
                    message = b""
                    decoder = codecs.getincrementaldecoder("utf-8")() if frame.opcode is Opcode.TEXT else None
                message += payload
                try:
                    if decoder:
                        decoder.decode(payload, frame.fin)
                except UnicodeDecodeError:
                    return Reading(events, 1007)
                if frame.fin:
                    events.append(message.decode() if decoder else message)
    if protocol.parser_exc is None:
        return Reading(events)
    assert protocol.close_sent is not None
    return Reading(events, int(protocol.close_sent.code), protocol.close_sent.reason)


def theirs_in_the_end(data: bytes) -> Reading:
    """Read the bytes with `websockets`, and as many more as its unfinished frame needs to end or fail.

    These are ones: as a length they are more than a control frame may have, and in the shortest form.
    """
    now = theirs(data)
    for more in range(1, LIMIT + 16):
        later = theirs(data + b"\x01" * more)
        if later != now:
            return later
    return now


@dataclass(frozen=True)
class Difference:
    """A deliberate difference.

    Attributes:
        name: of the test's example.
        why: this parser does it otherwise.
        example: a stream that shows it.
        explains: whether it is what makes a stream's two readings differ.
    """

    name: str
    why: str
    example: bytes
    explains: Callable[[Reading, Reading], bool]


# In a control frame any longer form is wrong, whatever length is in it.
_LENGTHS = {"length not in its shortest form", "control frame longer than 125 bytes"}

DIFFERENCES = (
    Difference(
        "highest bit",
        "RFC 6455 section 5.2: the most significant bit MUST be 0, which is a rule, and not a size",
        raw(0x82, length=1 << 63, field=8),
        lambda mine, other: (
            mine.reason == "length with its highest bit set"
            and other.code == 1009
            and mine.events == other.events
        ),
    ),
    Difference(
        "close inside a message",
        "RFC 6455 section 5.4: control frames MAY be injected in the middle of a fragmented message, close "
        "frames too; a client may well give up a message",
        raw(0x01, b"x") + raw(0x88, b"\x03\xe8"),
        lambda mine, other: (
            other.reason == "incomplete fragmented message"
            and mine.code is None
            and isinstance(mine.events[-1], Close)
            and mine.events[:-1] == other.events
        ),
    ),
    Difference(
        "rules before sizes",
        "a frame that may not be there at all, or not with this length, is no message that is too big",
        raw(0x89, bytes(LIMIT + 1)),
        lambda mine, other: (mine.code, other.code) == (1002, 1009) and mine.events == other.events,
    ),
    Difference(
        "code before reason",
        "of a close frame with two mistakes the first one counts",
        raw(0x88, b"\x00\x00\xff"),
        lambda mine, other: (
            mine.reason.startswith("invalid close code")
            and other.code == 1007
            and mine.events == other.events
        ),
    ),
    Difference(
        "shortest form",
        "RFC 6455 section 5.2: the minimal number of bytes MUST be used to encode the length",
        raw(0x82, b"x", field=2) + raw(0x82, b"y"),
        lambda mine, other: mine.reason in _LENGTHS and other.events[: len(mine.events)] == mine.events,
    ),
)


def difference(data: bytes, mine: Reading) -> Difference | None:
    """Return the deliberate difference between the readings of a stream; None when they agree.

    A parser that fails on the first wrong byte has failed when one that reads whole frames still waits. This
    is a difference in time alone, so the frame is finished for the other.
    """
    other = theirs(data)
    if other.code is None and mine.code is not None and other.events == mine.events:
        other = theirs_in_the_end(data)
    if mine.same(other):
        return None
    explaining = [each for each in DIFFERENCES if each.explains(mine, other)]
    assert explaining, f"{data.hex()}: {mine} here, {other} in websockets"
    return explaining[0]


fragmented_text = st.text(max_size=40).map(str.encode)
payloads = st.binary(max_size=140)
keys = st.binary(min_size=4, max_size=4)
control_frames = st.builds(raw, st.sampled_from([0x89, 0x8A]), st.binary(max_size=125), key=keys)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """The frames of one message: text or binary, whole or in fragments with control frames between."""
    is_text = draw(st.booleans())
    # Now and then text that is not UTF-8.
    payload = draw(fragmented_text | payloads if is_text else payloads)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    data = b""
    for index, (start, end) in enumerate(pairwise([0, *cuts, len(payload)])):
        first = (0 if index else 1 if is_text else 2) | (0x80 if index == len(cuts) else 0)
        data += b"".join(draw(st.lists(control_frames, max_size=1))) if index else b""
        data += raw(first, payload[start:end], key=draw(keys))
    return data


closes = st.one_of(
    st.builds(
        lambda code, reason: raw(0x88, code.to_bytes(2, "big") + reason.encode()),
        st.integers(990, 5010),
        st.text(max_size=30),
    ),
    st.builds(lambda reason: raw(0x88, b"\x03\xe8" + reason), st.binary(max_size=40)),
    st.builds(raw, st.just(0x88), st.binary(max_size=1)),
)

#: One frame that may break one rule or several: its first byte, its mask, the form of its length, its size.
frames = st.one_of(
    st.builds(raw, st.integers(0, 255), st.binary(max_size=20)),
    st.builds(raw, st.sampled_from([0x81, 0x82, 0x89, 0x01]), st.binary(max_size=20), key=st.none()),
    st.builds(
        raw, st.sampled_from([0x82, 0x89, 0xC1]), st.binary(max_size=20), field=st.sampled_from([2, 8])
    ),
    st.builds(raw, st.sampled_from([0x82, 0x89]), length=st.integers(0, (1 << 64) - 1), field=st.just(8)),
    st.builds(raw, st.sampled_from([0x89, 0x8A, 0x88]), st.binary(min_size=126, max_size=LIMIT + 9)),
    st.builds(
        raw, st.sampled_from([0x00, 0x01, 0x02, 0x81]), st.binary(min_size=LIMIT + 1, max_size=LIMIT + 9)
    ),
    st.builds(
        lambda size: raw(0x02, b"x" * size) + raw(0x80, b"x" * (LIMIT + 1 - size)), st.integers(0, LIMIT)
    ),
)

streams = st.lists(messages() | control_frames, max_size=4).map(b"".join)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good stream of which some bytes were changed, left out, put in, doubled, or cut off."""
    data = bytearray(draw(streams) + draw(closes | frames | st.just(b"")))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["bit", "byte", "out", "in", "again", "off"])):
            case "bit" if place < len(data):
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "byte" if place < len(data):
                data[place] = draw(st.integers(0, 255))
            case "out":
                del data[place : place + draw(st.integers(1, 8))]
            case "in":
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "again":
                data[place:place] = data[place : place + draw(st.integers(1, 40))]
            case _:
                del data[place:]
    return bytes(data)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream at these places, as far as it has them."""
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


anywhere = st.lists(st.integers(0, 1200), max_size=6)


class TestSameBytes:
    """Whatever a client sends."""

    @given(streams, closes | st.just(b""), anywhere)
    def test_good_streams(self, stream: bytes, ending: bytes, cuts: list[int]) -> None:
        """Messages, control frames and close frames are the same, without any difference."""
        data = stream + ending
        mine = ours(data)
        assert mine.same(theirs(data))
        assert ours(*cut(data, cuts)) == mine
        assert ours(*in_pieces(data, 1)) == mine

    @given(streams, frames, streams, anywhere)
    @example(b"", raw(0x82, b"x", field=2), b"", [])
    @example(b"", raw(0x01, b"\xc3", length=40), b"", [])
    def test_broken_frames(self, before: bytes, broken: bytes, after: bytes, cuts: list[int]) -> None:
        """A frame that breaks a rule ends both with the same code, and nothing counts that comes after it."""
        data = before + broken + after
        mine = ours(data)
        difference(data, mine)
        assert ours(*cut(data, cuts)) == mine
        assert ours(*in_pieces(data, 1)) == mine

    @given(mutated() | st.binary(max_size=200), anywhere)
    def test_mutations(self, data: bytes, cuts: list[int]) -> None:
        """Streams that have been damaged, and mere noise, are read in the same way."""
        mine = ours(data)
        difference(data, mine)
        assert ours(*cut(data, cuts)) == mine
        assert ours(*in_pieces(data, 1)) == mine


class TestDifferences:
    """What is done otherwise, on purpose."""

    @pytest.mark.parametrize("expected", DIFFERENCES, ids=lambda each: each.name)
    def test_there_is_one(self, expected: Difference) -> None:
        """Each difference that is listed is one."""
        assert difference(expected.example, ours(expected.example)) is expected

    def test_others_are_found(self) -> None:
        """A difference that is not listed fails: here, a message that was read as another."""
        with pytest.raises(AssertionError, match="in websockets"):
            difference(raw(0x81, b"one"), ours(raw(0x81, b"two")))
        with pytest.raises(AssertionError, match="in websockets"):
            difference(raw(0x81, b"one"), ours(raw(0x81, b"\xff")))

    @pytest.mark.parametrize(
        "data",
        [
            b"\xc1",
            b"\x83",
            b"\x09",
            b"\x82\x03",
            b"\x89\xfe",
            raw(0x81, b"\xff", length=100),
            raw(0x01, b"a") + raw(0x80, b"\xc3\xc3", length=50),
            raw(0x82, length=LIMIT + 1)[:-4],
        ],
    )
    def test_in_time_alone(self, data: bytes) -> None:
        """A frame fails on its first wrong byte; `websockets` reads it all and fails with the same code."""
        mine = ours(data)
        assert mine.code is not None
        assert theirs(data).code in (None, mine.code)
        assert difference(data, mine) is None


class TestOtherDirection:
    """What is sent."""

    @given(st.lists(st.text(max_size=300) | st.binary(max_size=300), max_size=5))
    def test_a_client_understands(self, sent: list[str | bytes]) -> None:
        """The client side of `websockets` reads back what was encoded."""
        client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN)
        for message in sent:
            client.receive_data(
                encode_text(message) if isinstance(message, str) else encode_frame(0x2, message)
            )
        client.receive_data(encode_close(4321, "bye"))
        *received, closed = client.events_received()
        texts = [
            bytes(e.data).decode() if e.opcode is Opcode.TEXT else bytes(e.data)
            for e in received
            if isinstance(e, Frame)
        ]
        assert texts == sent
        assert client.close_rcvd == ReferenceClose(4321, "bye")
        assert isinstance(closed, Frame)
        assert closed.opcode is Opcode.CLOSE
