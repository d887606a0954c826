"""A stream, what the client says of itself, and an allowance, each by itself."""

import pytest

from hybrid.server.wire.http2.allowance import Allowance
from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode, Setting, StreamFault
from hybrid.server.wire.http2.peer import PeerSettings
from hybrid.server.wire.http2.stream import Stream
from tests.support.http2_frames import HEADER_SIZE, settings


def test_stream_counts_what_may_come() -> None:
    """Up to its window, and not after its end."""
    stream = Stream(1, 10, 5)
    stream.receive(5)
    with pytest.raises(StreamFault, match="FLOW_CONTROL_ERROR"):
        stream.receive(1)
    stream = Stream(1, 10, 5)
    stream.count(0, ended=True)
    with pytest.raises(StreamFault, match="STREAM_CLOSED"):
        stream.receive(0)
    assert repr(stream) == "<Stream 1 remote=False local=True 10>"


@pytest.mark.parametrize("sizes", [[6], [3, 3], [5, 1]])
def test_body_is_longer_than_its_length(sizes: list[int]) -> None:
    """Found at the byte that is too much."""
    stream = Stream(1, 10, 100)
    stream.expected = 5
    for size in sizes[:-1]:
        stream.count(size, ended=False)
    with pytest.raises(StreamFault, match="Content-Length"):
        stream.count(sizes[-1], ended=False)


def test_body_without_a_length_may_have_any() -> None:
    """And one that has its length is whole."""
    Stream(1, 10, 100).count(99, ended=True)
    stream = Stream(1, 10, 100)
    stream.expected = 5
    stream.count(5, ended=False)
    stream.count(0, ended=True)


def test_settings_of_a_client_are_kept() -> None:
    """The last value of each counts; how the windows change is told."""
    peer = PeerSettings()
    payload = settings(
        (Setting.INITIAL_WINDOW_SIZE, 5),
        (Setting.INITIAL_WINDOW_SIZE, 65536),
        (Setting.ENABLE_PUSH, 0),
        (Setting.MAX_CONCURRENT_STREAMS, 3),
        (Setting.MAX_FRAME_SIZE, 1 << 20),
        (Setting.HEADER_TABLE_SIZE, 0),
        (0xABCD, 9),
    )[HEADER_SIZE:]
    assert peer.apply(payload) == 1
    assert (peer.window, peer.takes_pushes, peer.streams, peer.frame_size) == (65536, False, 3, 1 << 20)
    assert peer.apply(b"") == 0
    assert repr(peer) == "<PeerSettings window=65536 frame_size=1048576>"


def test_allowance_ends() -> None:
    """At its burst, with an error that names what there was too much of."""
    allowance = Allowance("pings", burst=2, rate=1)
    allowance.spend(2)
    with pytest.raises(ConnectionFault, match="too many pings") as caught:
        allowance.spend()
    assert caught.value.code == ErrorCode.ENHANCE_YOUR_CALM


def test_allowance_is_refilled_up_to_its_burst() -> None:
    """By time, as far as it goes; by what is of use beyond it, for a second."""
    allowance = Allowance("pings", burst=2, rate=1)
    allowance.spend(2)
    allowance.refill()
    assert repr(allowance) == "<Allowance pings: 1 of 2>"
    allowance.left += 9
    allowance.spend(9)
    allowance.refill()
    allowance.refill()
    assert allowance.left == 2
