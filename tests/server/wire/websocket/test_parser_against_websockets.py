"""The frame parser against that of `websockets`: the same bytes give the same messages and close code.

Where the two differ on purpose, `DIFFERENCES` says how and why; nothing else may differ.
"""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Close as ReferenceClose
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from hybrid.server.wire.websocket.frames import encode_close, encode_frame, encode_text
from hybrid.server.wire.websocket.parser import FrameParser
from tests.support.frames import in_pieces, raw
from tests.support.readings import DIFFERENCES, LIMIT, Difference, Reading, difference, read, theirs
from tests.support.streams import anywhere, closes, control_frames, cut, damaged, keys


def ours(*pieces: bytes) -> Reading:
    """Read the pieces with a new parser."""
    return read(FrameParser(LIMIT), pieces)


fragmented_text = st.text(max_size=40).map(str.encode)
# Now and then so long that the length takes two bytes more.
payloads = st.binary(max_size=140) | st.builds(
    bytes.__mul__, st.binary(min_size=1, max_size=3), st.integers(42, LIMIT // 3)
)


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


#: Good and broken frames, one after the other.
anything = st.lists(streams | closes | frames, max_size=3).map(b"".join)


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

    @given(damaged(anything) | st.binary(max_size=200), anywhere)
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
