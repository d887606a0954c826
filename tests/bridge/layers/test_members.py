import math
from typing import Any

from hybrid.bridge.layers.members import _MAX_CLOSED, Memberships, watchers_of
from hybrid.bridge.layers.presence import Member


def join(
    groups: Memberships, group: str, channel: str, at: float = 0, metadata: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Join for 100 s."""
    return groups.join(group, channel, metadata, now=at, until=at + 100, since=1000 + at)


def event(kind: str, channel: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """Say what watchers of the group are told."""
    return {"type": f"group.{kind}", "group": "g", "channel": channel, "metadata": metadata or {}}


def test_members_are_listed_with_what_they_said_and_since_when() -> None:
    """Joining again neither changes the order nor the beginning; metadata change where they are given."""
    groups = Memberships()
    join(groups, "g", "a", 0, {"name": "Ann"})
    join(groups, "g", "b", 1, {"name": "Bob"})
    join(groups, "g", "c", 2)
    join(groups, "g", "a", 50, {"name": "Anna"})
    join(groups, "g", "b", 50)
    assert groups.members("g", 60) == [
        Member("a", {"name": "Anna"}, 1000),
        Member("b", {"name": "Bob"}, 1001),
        Member("c", {}, 1002),
    ]
    assert [member.channel for member in groups.members("g", 102)] == ["a", "b"]
    assert groups.members("h", 0) == []


def test_membership_ends_unless_it_is_renewed() -> None:
    """Joining again counts from then on; a membership lasts until just before its end."""
    groups = Memberships()
    join(groups, "g", "old")
    join(groups, "g", "renewed")
    join(groups, "g", "renewed", 50)
    assert groups.channels("g", 99) == ["old", "renewed"]
    assert groups.channels("g", 100) == ["renewed"]
    groups.expire(100)
    assert groups.channels("g", 0) == ["renewed"]
    assert groups.next_end == 150


def test_leaving_a_group_that_one_is_not_in_does_nothing() -> None:
    """Neither an unknown group nor an unknown channel is an error, and empty groups are forgotten."""
    groups = Memberships()
    join(groups, "g", "watcher", 0)
    assert groups.leave("h", "a") == []
    join(groups, "g", "a")
    assert groups.leave("g", "b") == []
    assert groups.channels("g", 0) == ["watcher", "a"]
    groups.leave("g", "a")
    groups.leave("g", "watcher")
    assert not groups
    assert "g" not in groups
    assert repr(groups) == "<Memberships: 0 groups>"


def test_watchers_are_told_who_joins_and_leaves() -> None:
    """Renewing is neither; nothing is said of a group that nobody watches."""
    groups = Memberships()
    assert join(groups, "g", "early") == []
    join(groups, watchers_of("g"), "w")
    assert join(groups, "h", "a") == []
    assert join(groups, "g", "a", 0, {"name": "Ann"}) == [event("join", "a", {"name": "Ann"})]
    assert join(groups, "g", "a", 1, {"name": "Anna"}) == []
    assert groups.leave("g", "a") == [event("leave", "a", {"name": "Anna"})]
    assert groups.leave("g", "a") == []
    assert groups.leave("g", "early") == [event("leave", "early")]


def test_watchers_are_told_of_memberships_that_expire() -> None:
    """Those that ended first come first; a watcher whose own time is over is told nothing."""
    groups = Memberships()
    join(groups, "g", "b", 0)
    join(groups, "g", "a", 1)
    join(groups, watchers_of("g"), "w", 10)
    assert groups.expire(99) == []
    assert groups.expire(105) == [event("leave", "b"), event("leave", "a")]
    join(groups, "g", "c", 105)
    assert groups.expire(300) == []
    assert not groups
    assert groups.next_end == math.inf


def test_one_that_joins_after_its_time_leaves_and_joins() -> None:
    """A membership that is over, and that nobody has looked at, is said to end before the new one begins."""
    groups = Memberships()
    join(groups, "g", "a", 0, {"n": 1})
    join(groups, watchers_of("g"), "w", 100)
    assert join(groups, "g", "a", 100, {"n": 2}) == [
        event("leave", "a", {"n": 1}),
        event("join", "a", {"n": 2}),
    ]
    assert groups.members("g", 100) == [Member("a", {"n": 2}, 1100)]


def test_a_closed_channel_is_in_no_group_any_more_and_joins_none() -> None:
    """All its memberships end, and it is told nothing of it; what it still does changes nothing."""
    groups = Memberships()
    join(groups, "g", "a")
    join(groups, "h", "a")
    join(groups, watchers_of("g"), "a")
    join(groups, watchers_of("g"), "w")
    join(groups, "g", "b")
    assert groups.close("a") == [event("leave", "a")]
    assert join(groups, "g", "a") == []
    assert groups.is_closed("a")
    assert groups.channels("g", 0) == ["b"]
    assert "h" not in groups
    assert groups.channels(watchers_of("g"), 0) == ["w"]
    groups.close("w")
    assert groups.close("b") == []
    assert not groups


def test_closed_channels_are_not_remembered_for_ever() -> None:
    """The oldest is forgotten, so that many connections cost no more than so many names."""
    groups = Memberships()
    for n in range(_MAX_CLOSED + 1):
        groups.close(f"c{n}")
    assert not groups.is_closed("c0")
    assert groups.is_closed("c1")
