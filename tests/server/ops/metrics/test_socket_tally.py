"""What WebSockets are counted in."""

from hybrid.server.ops.metrics.socket_tally import SocketTally


def test_close_codes_are_bounded() -> None:
    """A client chooses among thousands; those that there is no room for are 0."""
    tally = SocketTally("chat", "")
    for code in [*range(3000, 3100), 3000]:
        tally.close(code)
    assert (len(tally.closes), tally.closes[3000], tally.closes[0]) == (65, 2, 36)


def test_repr() -> None:
    """Says what it is."""
    assert repr(SocketTally("a", "")).startswith("<SocketTally a")
