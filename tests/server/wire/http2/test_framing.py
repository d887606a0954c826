"""Bytes cut into frames, and header blocks put together."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode
from hybrid.server.wire.http2.framing import FrameReader, without_padding
from tests.support.http2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    PADDED,
    PREFACE,
    Kind,
    frame,
    number,
    settings,
)

START = PREFACE + settings()


def reader(largest: int = 65536) -> FrameReader:
    """Return a reader of a connection that has begun."""
    made = FrameReader(largest)
    assert [each[0] for each in made.read(START)] == [Kind.SETTINGS]
    return made


def refused(*parts: bytes, largest: int = 65536) -> ErrorCode:
    """Return the code with which these frames are refused."""
    frames = reader(largest)
    with pytest.raises(ConnectionFault) as caught:
        list(frames.read(b"".join(parts)))
    return caught.value.code


BLOCK_FRAME = frame(Kind.HEADERS, b"block", stream=1, flags=END_HEADERS)
OPEN = frame(Kind.HEADERS, b"blo", stream=1)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (frame(Kind.DATA), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.HEADERS), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.HEADERS, stream=2), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.HEADERS, bytes(4), stream=1, flags=HAS_PRIORITY), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.HEADERS, b"\x02a", stream=1, flags=PADDED), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.PRIORITY, bytes(5)), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.PRIORITY, bytes(4), stream=1), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.RST_STREAM, bytes(4)), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.RST_STREAM, bytes(5), stream=1), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.SETTINGS, stream=1), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.SETTINGS, bytes(5)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.SETTINGS, bytes(6), flags=ACK), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.PUSH_PROMISE, bytes(8), stream=1), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.PUSH_PROMISE, bytes(8)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.PING, bytes(8), stream=1), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.PING, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.GOAWAY, bytes(8), stream=1), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.GOAWAY, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.WINDOW_UPDATE, bytes(3)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.PRIORITY_UPDATE, bytes(3)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(Kind.PRIORITY_UPDATE, bytes(4), stream=1), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.CONTINUATION, stream=1), ErrorCode.PROTOCOL_ERROR),
        (frame(Kind.DATA, stream=1, size=16385), ErrorCode.FRAME_SIZE_ERROR),
        (frame(0xFA, size=16385), ErrorCode.FRAME_SIZE_ERROR),
        (OPEN + frame(Kind.PING, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (OPEN + frame(0xFA), ErrorCode.PROTOCOL_ERROR),
        (OPEN + frame(Kind.CONTINUATION, stream=3), ErrorCode.PROTOCOL_ERROR),
        (OPEN + BLOCK_FRAME, ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_frames_that_must_not_be(raw: bytes, code: ErrorCode) -> None:
    """RFC 9113 section 6: of a wrong size, or where it must not be; decided as soon as it can be told."""
    assert refused(raw) == code


def test_a_frame_that_is_too_large_is_refused_at_its_header() -> None:
    """Nobody waits for 16 MiB."""
    assert refused(frame(Kind.DATA, stream=1, size=(1 << 24) - 1)[:9]) == ErrorCode.FRAME_SIZE_ERROR


def test_header_block_comes_as_one_frame() -> None:
    """Its parts are put together; flags are those of the first; padding and priority are gone."""
    first = frame(
        Kind.HEADERS, b"\x03" + number(7) + b"\x10" + b"one" + bytes(3), stream=5,
        flags=END_STREAM | PADDED | HAS_PRIORITY,
    )  # fmt: skip
    more = frame(Kind.CONTINUATION, b"two", stream=5)
    last = frame(Kind.CONTINUATION, b"three", stream=5, flags=END_HEADERS)
    frames = list(reader().read(first + more + last))
    assert [(kind, flags & END_STREAM, stream, block) for kind, flags, stream, block in frames] == [
        (Kind.HEADERS, END_STREAM, 5, b"onetwothree")
    ]


def test_reserved_bit_is_ignored() -> None:
    """Section 4.1: of the stream's number, 31 bits count."""
    raw = frame(Kind.DATA, b"x", stream=1)
    raw = raw[:5] + b"\x80" + raw[6:]
    assert list(reader().read(raw)) == [(Kind.DATA, 0, 1, b"x")]


def test_frames_that_are_not_known_are_passed_on() -> None:
    """On any stream, of any size that is allowed."""
    raw = frame(0xFA, b"?", stream=4, flags=0xFF)
    assert list(reader().read(raw)) == [(0xFA, 0xFF, 4, b"?")]


@pytest.mark.parametrize("part", [b"", b"x"])
def test_continuations_are_bounded_in_number(part: bytes) -> None:
    """A few more than the size of a block needs (CVE-2024-27316), whatever is in them."""
    more = frame(Kind.CONTINUATION, part, stream=1)
    frames = reader()
    assert list(frames.read(OPEN + more * 12)) == []
    with pytest.raises(ConnectionFault, match="ENHANCE_YOUR_CALM"):
        list(frames.read(more))


def test_continuations_are_bounded_in_size() -> None:
    """The block may be as large as it may, and no byte more is kept."""
    rest = frame(Kind.CONTINUATION, bytes(7), stream=1, flags=END_HEADERS)
    assert [each[3] for each in reader(10).read(OPEN + rest)] == [b"blo" + bytes(7)]
    assert refused(OPEN + frame(Kind.CONTINUATION, bytes(8), stream=1), largest=10) == 11


def test_count_of_continuations_begins_again() -> None:
    """With each block."""
    frames = reader()
    more = frame(Kind.CONTINUATION, stream=1) * 11
    for _ in range(3):
        assert (
            len(list(frames.read(OPEN + more + frame(Kind.CONTINUATION, stream=1, flags=END_HEADERS)))) == 1
        )


@pytest.mark.parametrize(
    ("padded", "bare"),
    [(b"\x00abc", b"abc"), (b"\x02abc", b"a"), (b"\x03abc", b""), (b"\x00", b"")],
)
def test_padding(padded: bytes, bare: bytes) -> None:
    """Section 6.1: what stands between its length and itself."""
    assert without_padding(padded) == bare


@pytest.mark.parametrize("padded", [b"", b"\x01", b"\x04abc", b"\xff"])
def test_padding_that_is_longer_than_its_frame(padded: bytes) -> None:
    """Section 6.1: PROTOCOL_ERROR of the connection."""
    with pytest.raises(ConnectionFault, match="PROTOCOL_ERROR"):
        without_padding(padded)


def test_what_is_incomplete_can_be_told() -> None:
    """A header block, on which everything waits; a DATA frame, with as much of it as there is."""
    frames = reader()
    assert (frames.idle, frames.awaits_block, frames.waiting_data) == (True, False, (0, 0))
    data = frame(Kind.DATA, bytes(100), stream=5)
    list(frames.read(data[:50]))
    assert (frames.idle, frames.awaits_block, frames.waiting_data) == (False, False, (5, 41))
    list(frames.read(data[50:] + BLOCK_FRAME[:9]))
    assert (frames.idle, frames.awaits_block, frames.waiting_data) == (False, True, (0, 0))
    list(frames.read(BLOCK_FRAME[9:] + OPEN))
    assert (frames.idle, frames.awaits_block) == (False, True)
    list(frames.read(frame(Kind.CONTINUATION, stream=1, flags=END_HEADERS)))
    assert (frames.idle, frames.awaits_block) == (True, False)
    assert repr(frames) == "<FrameReader waiting=0 block=0>"


FRAMES = st.builds(
    frame,
    st.sampled_from([*Kind, 0xFA]),
    st.binary(max_size=20),
    stream=st.sampled_from([0, 1, 2, 3]),
    flags=st.integers(0, 255),
)


@given(st.lists(FRAMES | st.binary(max_size=12), max_size=12), st.data())
def test_pieces_do_not_matter(parts: list[bytes], drawn: st.DataObject) -> None:
    """Anything at all comes out the same whole, in pieces and byte by byte, up to the same error."""
    raw = START + b"".join(parts)
    places = sorted(drawn.draw(st.sets(st.integers(0, len(raw)), max_size=5)) | {0, len(raw)})
    pieces = [raw[start:end] for start, end in pairwise(places)]
    whole = outcome([raw])
    assert outcome(pieces) == whole
    assert outcome([raw[place : place + 1] for place in range(len(raw))]) == whole


def outcome(pieces: list[bytes]) -> tuple[list[object], str]:
    """Return the frames that come out of pieces, and the error that ends them."""
    frames: list[object] = []
    made = FrameReader(65536)
    try:
        for piece in pieces:
            frames.extend(made.read(piece))
    except ConnectionFault as fault:
        return frames, str(fault)
    return frames, ""
