import pytest

from hybrid.bridge.layers.history import Histories, Past


def filled(count: int, length: int = 3, start: int = 100) -> Histories[str]:
    """Make a history of one group with the messages 100, 101, … that is forgotten at 60 s."""
    histories: Histories[str] = Histories()
    for n in range(count):
        assert histories.append("g", f"m{start + n}", length, now=0, until=60, start=start) == start + n
    return histories


def entries(*numbers: int) -> list[tuple[int, str]]:
    """Say what is kept."""
    return [(number, f"m{number}") for number in numbers]


def test_messages_are_numbered_from_the_time_on() -> None:
    """The first has the number that it is given, and each has one more than the one before it."""
    assert filled(2).after("g", None, 0) == Past(entries(100, 101), 101, gap=False)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (104, Past([], 104, gap=False)),
        (103, Past(entries(104), 104, gap=False)),
        (101, Past(entries(102, 103, 104), 104, gap=False)),
        (100, Past(entries(102, 103, 104), 104, gap=True)),  # 101 is gone
        (0, Past(entries(102, 103, 104), 104, gap=True)),
        (None, Past(entries(102, 103, 104), 104, gap=False)),  # asked for what there is
        (105, Past(entries(102, 103, 104), 104, gap=True)),  # never given
        (-1, Past(entries(102, 103, 104), 104, gap=True)),
        (10**30, Past(entries(102, 103, 104), 104, gap=True)),
    ],
)
def test_what_came_after_a_message_is_returned(after: int | None, expected: Past[str]) -> None:
    """Of five messages three are kept; that some are missing is said."""
    assert filled(5).after("g", after, 0) == expected


def test_nothing_is_missing_for_one_who_has_none_of_a_whole_history() -> None:
    """Who has none misses none while the first that was sent is still there."""
    assert filled(3).after("g", 0, 0) == Past(entries(100, 101, 102), 102, gap=False)


def test_an_unknown_group_has_no_history() -> None:
    """Who has messages of it is told that some may be missing; who has none misses none."""
    histories: Histories[str] = Histories()
    assert histories.after("g", None, 0) == Past([], 0, gap=False)
    assert histories.after("g", 0, 0) == Past([], 0, gap=False)
    assert histories.after("g", 100, 0) == Past([], 0, gap=True)
    assert histories.last("g", 0) == 0


def test_a_history_is_forgotten_unless_something_is_sent() -> None:
    """Each message lets it live for longer; a new one begins with a number that is larger than any before."""
    histories = filled(2)
    histories.append("g", "m102", 3, now=50, until=110, start=7)
    assert histories.after("g", 101, 109) == Past([(102, "m102")], 102, gap=False)
    assert histories.after("g", 101, 110) == Past([], 0, gap=True)
    assert histories.last("g", 109) == 102
    assert histories.last("g", 110) == 0
    assert histories.append("g", "new", 3, now=110, until=170, start=7) == 104
    assert histories.after("g", 102, 110) == Past([(104, "new")], 104, gap=True)
    assert histories.append("h", "new", 3, now=110, until=170, start=5000) == 5000


def test_a_shorter_length_counts_from_the_next_message_on() -> None:
    """The length is asked of each message, so it may be another one."""
    histories = filled(5, length=5)
    histories.append("g", "m105", 2, now=0, until=60, start=1)
    assert histories.after("g", None, 0).entries == entries(104, 105)


def test_expired_histories_are_swept_away() -> None:
    """What nobody asks for does not stay; the one that was sent to since does."""
    histories: Histories[str] = Histories()
    for group in ("a", "b", "c"):
        histories.append(group, "", 1, now=0, until=60, start=1)
    histories.append("a", "", 1, now=30, until=90, start=1)
    histories.sweep(59)
    assert len(histories) == 3
    histories.sweep(60)
    assert repr(histories) == "<Histories of 1 groups>"
    histories.clear()
    assert len(histories) == 0


def test_the_number_of_groups_is_bounded() -> None:
    """With too many, the one to which nothing was sent for longest is forgotten, and that is a gap."""
    histories: Histories[str] = Histories(limit=2)
    first = histories.append("a", "", 1, now=0, until=60, start=1)
    histories.append("b", "", 1, now=0, until=60, start=1)
    histories.append("a", "", 1, now=0, until=60, start=1)
    histories.append("c", "", 1, now=0, until=60, start=1)
    assert histories.last("b", 0) == 0
    assert histories.last("a", 0) == first + 1
    assert histories.after("b", 1, 0).gap
