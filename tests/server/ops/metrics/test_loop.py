"""What looks at the event loop."""

import asyncio
import time

import pytest

from hybrid.server.ops.metrics import lag as module
from hybrid.server.ops.metrics import loop_watch
from hybrid.server.ops.metrics.lag import LoopLag, LoopSight
from hybrid.server.ops.metrics.loop_watch import LoopWatch
from hybrid.server.ops.metrics.snapshot import Stack
from tests.support.embedded import on_each_loop, until
from tests.support.waiting import poll


def hold(seconds: float) -> None:
    """Keep the thread."""
    time.sleep(seconds)


async def held(seconds: float) -> None:
    """Keep the loop."""
    hold(seconds)


@on_each_loop
async def test_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says by how much the loop was late, and counts while it is asked to."""
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    lag = LoopLag()
    lag.start()
    await until(lambda: lag.histogram().count >= 3)
    hold(0.3)
    await until(lambda: (lag.histogram().percentile(100) or 0) > 0.2)
    lag.stop()
    assert lag._timer is None


@on_each_loop
async def test_watch() -> None:
    """Finds where the loop is held: as a stack of what it runs, without what runs it, and how long."""
    watch = LoopWatch(0.1)
    watch.start()
    await asyncio.create_task(held(0.5))

    def found() -> list[Stack]:
        """Look for it: a busy machine may have held the loop somewhere else, too."""
        return [
            stack
            for stack in watch.found()[2].values()
            if [frame.rpartition(" in ")[2] for frame in stack.frames][:2] == ["hold", "held"]
        ]

    await until(found)
    watch.stop()
    (stack,) = found()
    count, longest, stacks = watch.found()
    assert not any("run_forever" in frame or "run_until" in frame for frame in stack.frames)
    assert (stack.count, stack.longest > 0.1) == (1, True)
    assert sum(each.count for each in stacks.values()) == count
    assert max(each.longest for each in stacks.values()) == longest


def test_what_holds_the_loop_shortly_is_not_found() -> None:
    """Nor an idle loop."""

    async def main() -> None:
        watch = LoopWatch(5.0)
        watch.start()
        hold(0.05)
        await asyncio.sleep(0.05)
        watch.stop()
        assert watch.found() == (0, 0.0, {})

    asyncio.run(main())


def test_stacks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is no room for is one."""
    monkeypatch.setattr(loop_watch, "_STACKS", 2)
    watch = LoopWatch(0.1)
    for number in (1, 2, 3, 4, 1):
        watch._note(0.2 * number, (f"a.py:{number} in f",))
    count, longest, stacks = watch.found()
    assert (count, longest) == (5, 0.8)
    assert {name: each.count for name, each in stacks.items()} == {
        "a.py:1 in f": 2,
        "a.py:2 in f": 1,
        "(others)": 2,
    }


def test_the_thread_ends_with_the_loop() -> None:
    """Though nobody has told it to."""

    async def main() -> LoopWatch:
        watch = LoopWatch(0.04)
        watch.start()
        return watch

    watch = asyncio.run(main())
    assert watch._thread is not None
    assert poll(lambda: watch._thread is not None and not watch._thread.is_alive())


def test_nothing_looks_where_nobody_wants_to_know() -> None:
    """And to stop is harmless."""

    async def main() -> None:
        sight = LoopSight(0.0, counts=False)
        sight.stop()
        sight.start()
        assert sight.watch is None
        assert sight.lag._timer is None
        sight.stop()

    asyncio.run(main())
