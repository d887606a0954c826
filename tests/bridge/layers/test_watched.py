"""What a process that watches groups tells its watchers when a broker has gone with its books."""

from hybrid.bridge.layers.presence import Member
from hybrid.bridge.layers.watched import Watched

A, B, C = (Member(name) for name in "abc")


def test_nothing_is_told_twice() -> None:
    """A member that joins again is no news, nor is one that leaves again, nor what is not watched."""
    watched = Watched()
    assert list(watched.begin("g", [A])) == []

    assert not watched.note("g", True, A)
    assert watched.note("g", True, B)
    assert watched.note("g", False, A)
    assert not watched.note("g", False, A)
    assert not watched.note("other", True, A)


def test_what_was_missed_is_told() -> None:
    """Who came while there was no broker is told when watching begins again; who left, when all are there."""
    watched = Watched()
    list(watched.begin("g", [A, B]))

    assert list(watched.begin("g", [C])) == [(True, C)]
    assert list(watched.compare("g", [B, C])) == [(False, A)]
    assert list(watched.compare("g", [A, B, C])) == [(True, A)]


def test_what_is_not_watched_is_forgotten() -> None:
    """A group that is watched no more is nobody's business."""
    watched = Watched()
    list(watched.begin("g", [A]))
    assert len(watched) == 1
    watched.forget("g")
    assert len(watched) == 0
    assert not watched.note("g", True, A)
    assert list(watched.compare("g", [])) == []
