"""Who is in which group of a layer of several processes, as far as one process is concerned."""

from hybrid.bridge.layers.roster import Roster


def test_both_books_agree() -> None:
    """What a channel belongs to and watches is found by its name and by the group's, until it is gone."""
    roster = Roster()
    for group in ("a", "b", "c"):
        roster.join(group, "one", None, until=10.0)
        roster.join(group, "two", b"", until=20.0)
        roster.watch(group, "one", until=10.0)
    roster.leave("b", "one")
    roster.leave("b", "one")
    assert (roster.groups_of("one"), roster.groups_of("two")) == (["a", "c"], ["a", "b", "c"])
    assert roster.unwatch("a", "one")
    assert roster.watched_by("one") == ["b", "c"]
    assert roster.expire(10.0) == [("a", "one"), ("c", "one")]
    assert roster.expire_watchers(10.0) == ["b", "c"]
    assert (roster.groups_of("one"), roster.watched_by("one"), roster.watched()) == ([], [], [])
    for group in roster.groups_of("two"):
        roster.leave(group, "two")
    assert repr(roster) == "<Roster: 0 groups, 0 watched>"
    assert not any(vars(roster).values())
    roster.join("a", "one", None, until=30.0)
    roster.watch("a", "one", until=30.0)
    roster.clear()
    assert not any(vars(roster).values())
