"""How fast the client of a WebSocket may send: what a token bucket allows."""

import pytest

from hybrid.server.websocket.guards import TokenBucket


def test_burst() -> None:
    """A bucket begins full; what it lacks is not lent."""
    bucket = TokenBucket(10, 2.0, now=0.0)
    assert [bucket.take(15, 0.0), bucket.take(15, 0.0), bucket.take(1, 0.0)] == [15, 5, 0]


def test_rate() -> None:
    """It fills by its rate, up to its size."""
    bucket = TokenBucket(10, 2.0, now=0.0)
    bucket.take(20, 0.0)
    assert bucket.take(100, 0.5) == 5
    assert bucket.take(100, 60.0) == 20


@pytest.mark.parametrize("burst", [0.0, 0.5, 1.0])
def test_at_least_a_second(burst: float) -> None:
    """Whatever the burst, what the rate allows in a second may come at once."""
    assert TokenBucket(3, burst, now=0.0).take(100, 0.0) == 3


def test_fractions_add_up() -> None:
    """Looking often does not lose what is less than one."""
    bucket = TokenBucket(1, 1.0, now=0.0)
    assert [bucket.take(1, now / 4) for now in range(9)] == [1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_no_rate() -> None:
    """Without a rate anything goes."""
    bucket = TokenBucket(0, 1.0, now=0.0)
    assert bucket.take(1 << 40, 0.0) == 1 << 40
    assert repr(TokenBucket(2, 5.0, now=0.0)) == "<TokenBucket 10 of 10>"
