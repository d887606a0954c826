"""Whose turn it is to send."""

from itertools import islice

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hybrid.server.streams.queue import SendQueue
from hybrid.server.wire.http2.priority import Priority

ONE = Priority()
SHARED = Priority(incremental=True)


def filled(**streams: Priority) -> SendQueue[str]:
    """Make a queue of streams that are named and numbered in their order: 1, 3, 5 …"""
    queue: SendQueue[str] = SendQueue()
    for position, (name, priority) in enumerate(streams.items()):
        queue.add(name, 2 * position + 1, priority)
    return queue


def turns(queue: SendQueue[str], number: int) -> str:
    """Give the turns that follow, while nothing else happens."""
    return "".join(item or "-" for item in islice(iter(queue.next, object()), number))


def order(queue: SendQueue[str]) -> str:
    """Give the order in which the streams are done, each with one part."""
    done = ""
    while (item := queue.next()) is not None:
        done += item
        queue.discard(item)
    return done


def test_an_empty_queue_has_no_turns() -> None:
    """Nobody sends when nobody has anything to send."""
    queue = filled()

    assert queue.next() is None
    assert len(queue) == 0


def test_the_most_urgent_come_first() -> None:
    """Streams go by their urgency, whatever order they came in."""
    queue = filled(a=Priority(7), b=Priority(0), c=Priority(3), d=Priority(5), e=Priority(0))

    assert order(queue) == "becda"


def test_one_after_the_other() -> None:
    """Streams that are not incremental keep their turn until they are done; the order is the requests'."""
    queue: SendQueue[str] = SendQueue()
    for name, stream in (("b", 3), ("c", 5), ("a", 1)):
        queue.add(name, stream, ONE)

    assert turns(queue, 3) == "aaa"
    queue.discard("a")
    assert turns(queue, 3) == "bbb"


def test_in_turn() -> None:
    """Incremental streams send a part each."""
    queue = filled(a=SHARED, b=SHARED, c=SHARED)

    assert turns(queue, 7) == "abcabca"
    queue.discard("b")
    assert turns(queue, 4) == "caca"


def test_both_kinds_share() -> None:
    """The first of those that go one after the other takes turns with all that share: nobody waits long."""
    queue = filled(a=ONE, b=SHARED, c=ONE, d=SHARED)

    assert turns(queue, 8) == "abadabad"


def test_a_stream_that_waits_for_its_window_keeps_its_place() -> None:
    """A stream that is left out and added again comes before those whose requests came later."""
    queue = filled(a=ONE, b=ONE, c=ONE)

    assert turns(queue, 1) == "a"
    queue.discard("a")
    assert turns(queue, 1) == "b"
    queue.add("a", 1, ONE)
    assert turns(queue, 2) == "aa"


def test_a_change_of_priority() -> None:
    """A stream that has become urgent comes before the others, and one that has become incremental shares."""
    queue = filled(a=ONE, b=ONE, c=ONE)

    queue.change("c", Priority(urgency=1))
    assert turns(queue, 2) == "cc"
    queue.change("c", Priority(urgency=3, incremental=True))
    assert turns(queue, 4) == "acac"
    queue.change("a", Priority(urgency=6))
    assert order(queue) == "bca"


def test_what_changes_nothing() -> None:
    """Adding what is there, and discarding or changing what is not, leave everything as it is."""
    queue = filled(a=SHARED, b=SHARED)
    assert turns(queue, 1) == "a"

    queue.add("b", 3, Priority(urgency=0))
    queue.change("b", SHARED)
    queue.change("x", ONE)
    queue.discard("x")

    assert turns(queue, 3) == "bab"
    assert len(queue) == 2
    assert repr(queue) == "<SendQueue 2 waiting>"


@pytest.mark.parametrize("priority", [ONE, SHARED], ids=["one", "shared"])
def test_a_thousand_streams(priority: Priority) -> None:
    """All of a thousand streams are done, those first that were asked for first."""
    queue: SendQueue[int] = SendQueue()
    for stream in range(1999, 0, -2):
        queue.add(stream, stream, priority)

    done: list[int] = []
    while (item := queue.next()) is not None:
        done.append(item)
        queue.discard(item)

    assert done == (list(range(1, 2000, 2)) if priority is ONE else list(range(1999, 0, -2)))
    assert len(queue) == 0


class Model(RuleBasedStateMachine):
    """The queue beside a list that is looked through each time."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: SendQueue[str] = SendQueue()
        self.waiting: list[tuple[int, Priority]] = []  # incremental ones in the order of their turns
        self.shared_last: dict[int, bool] = {}  # levels of both kinds: whether a shared one had the last turn

    @staticmethod
    def name(stream: int) -> str:
        """Give the item of a stream."""
        return f"stream {stream}"

    def numbers(self) -> list[int]:
        """Give the streams that wait."""
        return [stream for stream, _ in self.waiting]

    @rule(
        stream=st.integers(0, 9).map(lambda number: 2 * number + 1),
        priority=st.builds(Priority, st.integers(2, 4), st.booleans()),
    )
    def add(self, stream: int, priority: Priority) -> None:
        """Add a stream, perhaps one that is there."""
        self.queue.add(self.name(stream), stream, priority)
        if stream not in self.numbers():
            self.waiting.append((stream, priority))

    @rule(stream=st.integers(0, 9).map(lambda number: 2 * number + 1))
    def discard(self, stream: int) -> None:
        """Discard a stream, perhaps one that is not there."""
        self.queue.discard(self.name(stream))
        self.waiting = [place for place in self.waiting if place[0] != stream]

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), priority=st.builds(Priority, st.integers(2, 4), st.booleans()))
    def change(self, data: st.DataObject, priority: Priority) -> None:
        """Change the priority of a stream that waits."""
        place = data.draw(st.sampled_from(self.waiting))
        self.queue.change(self.name(place[0]), priority)
        if place[1] != priority:
            self.waiting.remove(place)
            self.waiting.append((place[0], priority))

    @precondition(lambda self: not self.waiting)
    @rule()
    def nobody(self) -> None:
        """Nobody's turn it is in an empty queue."""
        assert self.queue.next() is None

    @precondition(lambda self: self.waiting)
    @rule(times=st.integers(1, 4))
    def turn(self, times: int) -> None:
        """Take turns: of the most urgent level, the first of one kind or of the other."""
        for _ in range(times):
            item = self.queue.next()
            urgency = min(priority.urgency for _, priority in self.waiting)
            level = [place for place in self.waiting if place[1].urgency == urgency]
            alone = sorted(place for place in level if not place[1].incremental)
            shared = [place for place in level if place[1].incremental]
            candidates = [self.name(places[0][0]) for places in (alone, shared) if places]
            assert item in candidates
            had_it_shared = bool(shared) and item == candidates[-1]
            if alone and shared:  # in turn, from the second such turn on
                assert had_it_shared is not self.shared_last.get(urgency, not had_it_shared)
                self.shared_last[urgency] = had_it_shared
            else:
                self.shared_last.pop(urgency, None)
            if had_it_shared:
                self.waiting.remove(shared[0])
                self.waiting.append(shared[0])

    @invariant()
    def number(self) -> None:
        """The queue knows how many wait."""
        assert len(self.queue) == len(self.waiting)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
