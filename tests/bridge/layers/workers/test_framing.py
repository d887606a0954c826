"""The frames between processes and their broker, cut anywhere and spoiled anyhow."""

import contextlib
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.errors import MessageTooLarge
from hybrid.bridge.layers.workers.framing import MAX_FRAME, FramingError, Unframer, frame
from hybrid.bridge.layers.workers.words import Ask, require_ask

ITEMS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(ITEMS | st.binary(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)
FRAMES = st.lists(st.tuples(st.integers(0, 20), VALUES, VALUES), max_size=5)


@given(frames=FRAMES, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_frames_are_found_however_the_stream_is_cut(
    frames: list[tuple[int, Any, Any]], cuts: list[int]
) -> None:
    """What comes out is what went in, in its order, and nothing is left."""
    stream = b"".join(frame(*each) for each in frames)
    unframer = Unframer()
    found: list[list[Any]] = []
    begin = 0
    for end in [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]:
        found += unframer.feed(stream[begin:end])
        begin = end

    assert found == [list(each) for each in frames]
    assert repr(unframer) == "<Unframer: 0 bytes wait for more>"


def test_a_frame_is_found_byte_by_byte() -> None:
    """A frame is complete with its last byte, and not before."""
    data = frame(3, "group", b"body")
    unframer = Unframer()

    assert [unframer.feed(data[n : n + 1]) for n in range(len(data))][-1] == [[3, "group", b"body"]]


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_noise_raises_one_error_only(pieces: list[bytes]) -> None:
    """Whatever bytes come, they are frames or a FramingError."""
    unframer = Unframer()
    with contextlib.suppress(FramingError):
        for piece in pieces:
            for each in unframer.feed(piece):
                require_ask(each)


@given(st.binary(max_size=100))
def test_spoiled_frames_raise_one_error_only(body: bytes) -> None:
    """Whatever is inside a frame, it is an array that begins with a number or a FramingError."""
    with contextlib.suppress(FramingError):
        (found,) = Unframer().feed(len(body).to_bytes(4, "big") + body)
        assert type(found[0]) is int


@pytest.mark.parametrize("value", [[], ["text"], [True], [1.0], {}, 1, None, "text"])
def test_only_arrays_with_a_word_are_frames(value: object) -> None:
    """Anything else is refused."""
    body = msgpack.packb(value)

    with pytest.raises(FramingError, match="does not begin"):
        Unframer().feed(len(body).to_bytes(4, "big") + body)


def test_deeply_nested_arrays_are_refused() -> None:
    """A frame does not exhaust the stack."""
    body = b"\x91" * 100_000

    with pytest.raises(FramingError):
        Unframer().feed(len(body).to_bytes(4, "big") + body)


def test_a_frame_that_is_too_large_is_refused_by_its_head() -> None:
    """Nobody waits for its bytes, and nobody makes one."""
    with pytest.raises(FramingError, match="is more than"):
        Unframer().feed((MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(MessageTooLarge):
        frame(1, b"x" * MAX_FRAME)


@pytest.mark.parametrize(
    "said",
    [[99], [-1], [Ask.SYNC], [Ask.SYNC, "1"], [Ask.SYNC, 1, 2], [Ask.SUBSCRIBE, b"group"], [Ask.BYE, None]],
)
def test_words_have_what_belongs_to_them(said: list[Any]) -> None:
    """An unknown word, too few items, too many and those of another type are refused."""
    with pytest.raises(FramingError):
        require_ask(said)
