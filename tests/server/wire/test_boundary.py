"""Where the frames of somebody else's WebSocket end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.boundary import FrameBoundaries
from hybrid.server.wire.websocket.frames import Opcode, encode_close, encode_frame, encode_text

HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
#: Of each kind of length.
FRAMES = [
    encode_text(""),
    encode_text("x" * 125),
    encode_frame(Opcode.PING, b"?"),
    encode_frame(Opcode.BINARY, bytes(126)),
    encode_frame(Opcode.BINARY, bytes(70_000)),
]


def opened() -> FrameBoundaries:
    """Make one that has seen a head."""
    boundaries = FrameBoundaries()
    assert boundaries.feed(HEAD) == len(HEAD)
    assert boundaries.at_boundary
    return boundaries


@pytest.mark.parametrize("frame", FRAMES, ids=len)
def test_whole_frames(frame: bytes) -> None:
    """After a whole frame, whatever its length, another one may follow; in the middle of it not."""
    boundaries = opened()
    steps = [(boundaries.feed(part), boundaries.at_boundary) for part in (frame, frame[:-1], frame[-1:])]
    assert steps == [(len(frame), True), (0, False), (1, True)]


def test_byte_by_byte() -> None:
    """It makes no difference in which pieces the bytes come."""
    boundaries = FrameBoundaries()
    stream = HEAD + b"".join(FRAMES[:4])
    ends = {len(HEAD) + sum(map(len, FRAMES[:count])) for count in range(5)}
    for position in range(len(stream)):
        assert boundaries.feed(stream[position : position + 1]) == (position + 1 in ends)
        assert boundaries.at_boundary == (position + 1 in ends)


@given(st.data())
def test_last_boundary(data: st.DataObject) -> None:
    """Of any piece it tells where the last frame in it ended."""
    frames = data.draw(st.lists(st.sampled_from(FRAMES[:4]), max_size=8))
    stream = HEAD + b"".join(frames)
    ends = [len(HEAD) + sum(map(len, frames[:count])) for count in range(len(frames) + 1)]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=6)))
    boundaries = FrameBoundaries()
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        inside = [end - start for end in ends if start < end <= stop]
        assert boundaries.feed(stream[start:stop]) == max(inside, default=0)
        assert boundaries.at_boundary == (stop in ends)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x81\x01x\r\n\r\n",
        b"x" * 70_000,
        HEAD + b"\x81\x81abcdx",  # masked, as only clients do
        HEAD + b"\x83\x01x",  # an opcode that is none
        HEAD + encode_close(1000),
    ],
    ids=["no upgrade", "no head", "no end of the head", "masked", "reserved", "closed"],
)
def test_nothing_may_follow(data: bytes) -> None:
    """After what is no server's WebSocket, or its end, nothing is a boundary any more."""
    boundaries = FrameBoundaries()
    boundaries.feed(data)
    assert not boundaries.at_boundary
    boundaries.feed(b"\x81\x01x")
    assert not boundaries.at_boundary
