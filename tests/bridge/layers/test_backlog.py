import asyncio
import threading
from collections.abc import Callable
from typing import Any

from hybrid.bridge.layers.backlog import Backlog


class CountingLoop:
    """A stand-in for an event loop: keeps calls until `turn`, and counts how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.from_threads = 0
        self.closed = False

    def call_soon(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Keep a call from the loop's own thread."""
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.calls.append((callback, arguments))

    def call_soon_threadsafe(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Keep a call from another thread, and count it."""
        self.call_soon(callback, *arguments)
        self.from_threads += 1

    def is_closed(self) -> bool:
        """Say whether the test closed it."""
        return self.closed

    def turn(self) -> None:
        """Run what was called before this turn."""
        calls, self.calls = self.calls, []
        for callback, arguments in calls:
            callback(*arguments)


def make(limit: int = 10, per_turn: int = 2) -> tuple[Backlog[int], list[int]]:
    """Make a backlog that is collected a few items at a time, and the list they are collected in."""
    collected: list[int] = []

    def collect() -> None:
        for _ in range(per_turn):
            item = backlog.pop()
            if item is not None:
                collected.append(item)

    backlog: Backlog[int] = Backlog(limit, collect)
    return backlog, collected


def home(loop: CountingLoop) -> asyncio.AbstractEventLoop:
    """Pass the stand-in off as a loop."""
    return loop  # type: ignore[return-value]


def test_a_burst_wakes_the_loop_once_and_is_collected_over_several_turns() -> None:
    """Five items are one call from the thread; the loop then calls itself until nothing is left."""
    backlog, collected = make(per_turn=2)
    loop = CountingLoop()
    assert backlog.add_home(home(loop))
    for n in range(5):
        assert backlog.append(n)
    assert loop.from_threads == 1
    turns = []
    while loop.calls:
        loop.turn()
        turns.append(list(collected))
    assert turns == [[0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4]]
    assert loop.from_threads == 1


def test_a_full_backlog_takes_no_more() -> None:
    """The item over the limit is refused; there is room again once items were collected."""
    backlog, _ = make(limit=2)
    assert [backlog.append(n) for n in range(3)] == [True, True, False]
    backlog.pop()
    assert backlog.append(3)
    assert repr(backlog) == "<Backlog: 2 of 2 items, 0 loops>"


def test_what_was_there_before_the_first_loop_is_collected_by_it() -> None:
    """Items appended while no loop was known wait for one."""
    backlog, collected = make()
    backlog.append(1)
    loop = CountingLoop()
    backlog.add_home(home(loop))
    loop.turn()
    assert collected == [1]


def test_closed_loops_are_survived_and_forgotten() -> None:
    """Appending to a backlog whose only loop was closed is no error; the next loop takes its place."""
    backlog, collected = make()
    closed, fresh = CountingLoop(), CountingLoop()
    backlog.add_home(home(closed))
    closed.closed = True
    assert backlog.append(1)
    assert backlog.append(2)
    assert backlog.add_home(home(fresh))
    assert not backlog.add_home(home(fresh))
    fresh.turn()
    assert collected == [1, 2]
    assert repr(backlog) == "<Backlog: 0 of 10 items, 1 loops>"


def test_a_loop_that_stands_still_does_not_keep_another_from_collecting() -> None:
    """Every loop is called; whichever runs first collects, and the other finds nothing left."""
    backlog, collected = make()
    still, running = CountingLoop(), CountingLoop()
    backlog.add_home(home(still))
    backlog.add_home(home(running))
    for n in range(4):
        backlog.append(n)
        running.turn()
    assert collected == [0, 1, 2, 3]
    still.turn()
    assert collected == [0, 1, 2, 3]
    assert not still.calls


def test_no_item_is_left_behind_when_threads_append_during_collections() -> None:
    """Once all threads are done and the loop has run dry, every item was collected, in order."""
    collected: list[tuple[int, int]] = []
    expected = 4 * 500

    async def main() -> None:
        done = asyncio.Event()

        def collect() -> None:
            while (item := backlog.pop()) is not None:
                collected.append(item)
            if len(collected) == expected:
                done.set()

        backlog: Backlog[tuple[int, int]] = Backlog(expected, collect)
        backlog.add_home(asyncio.get_running_loop())
        threads = [
            threading.Thread(target=lambda me=me: [backlog.append((me, n)) for n in range(500)])
            for me in range(4)
        ]
        for thread in threads:
            thread.start()
        async with asyncio.timeout(20):
            await done.wait()
        for thread in threads:
            thread.join()

    asyncio.run(main())
    for me in range(4):
        assert [n for thread, n in collected if thread == me] == list(range(500))
