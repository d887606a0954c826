"""Strategies for what clients send on a WebSocket, and for how it is damaged and cut on its way."""

from itertools import pairwise

from hypothesis import strategies as st

from tests.support.frames import raw

keys = st.binary(min_size=4, max_size=4)
control_frames = st.builds(raw, st.sampled_from([0x89, 0x8A]), st.binary(max_size=125), key=keys)
closes = st.one_of(
    st.builds(
        lambda code, reason: raw(0x88, code.to_bytes(2, "big") + reason.encode()),
        st.integers(990, 5010),
        st.text(max_size=30),
    ),
    st.builds(lambda reason: raw(0x88, b"\x03\xe8" + reason), st.binary(max_size=40)),
    st.builds(raw, st.just(0x88), st.binary(max_size=1)),
)

#: Where a stream may be cut.
anywhere = st.lists(st.integers(0, 1200), max_size=6)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream at these places, as far as it has them."""
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@st.composite
def damaged(draw: st.DrawFn, streams: st.SearchStrategy[bytes]) -> bytes:
    """A stream of which some bytes were changed, left out, put in, doubled, or cut off."""
    data = bytearray(draw(streams))
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
