"""The way back from worker threads to the loop: everything arrives, in order, with few wake-ups."""

import asyncio
import random
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.wsgi.lull import Lull
from hybrid.server.outbox import Outbox
from tests.support.embedded import DEADLINE, on_each_loop, until


class Timer:
    """A callback for later."""

    def __init__(self, seconds: float, callback: Callable[[], object]) -> None:
        self.seconds = seconds
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Forget it."""
        self.cancelled = True


class CountingLoop:
    """A loop that only keeps what it was asked to call."""

    def __init__(self) -> None:
        self.callbacks: list[tuple[Callable[..., object], tuple[object, ...]]] = []
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Keep a callback for later."""
        self.timers.append(Timer(seconds, callback))
        return self.timers[-1]

    def time_passes(self) -> None:
        """Call what was to be called later."""
        timers, self.timers = self.timers, []
        for timer in timers:
            if not timer.cancelled:
                timer.callback()

    def call_soon_threadsafe(self, callback: Callable[..., object], *arguments: object) -> None:
        """Keep a callback."""
        self.callbacks.append((callback, arguments))

    def turn(self) -> None:
        """Call what there is, as a turn of a loop does."""
        callbacks, self.callbacks = self.callbacks, []
        for callback, arguments in callbacks:
            callback(*arguments)


@pytest.fixture
def loop() -> CountingLoop:
    """Give a loop that turns when the test says so."""
    return CountingLoop()


@pytest.fixture
def outbox(loop: CountingLoop) -> Outbox:
    """Give an outbox to that loop."""
    fake: Any = loop
    return Outbox(fake)


def test_one_wake_up_for_all(loop: CountingLoop, outbox: Outbox) -> None:
    """What gathers before the loop comes is delivered together, in order, to whom it is for."""
    one: list[bytes] = []
    other: list[bytes] = []
    outbox.put(one.append, b"1")
    outbox.put(other.append, b"2")
    outbox.put(one.append, b"3")
    assert len(loop.callbacks) == 1
    assert repr(outbox) == "<Outbox 3 waiting>"
    loop.turn()
    assert (one, other) == ([b"1", b"3"], [b"2"])


def test_wake_up_for_what_comes_later(loop: CountingLoop, outbox: Outbox) -> None:
    """After a delivery the next part wakes the loop again."""
    got: list[bytes] = []
    for part in (b"1", b"2"):
        outbox.put(got.append, part)
        loop.turn()
    assert got == [b"1", b"2"]
    assert not loop.callbacks


def test_part_that_comes_during_a_delivery(loop: CountingLoop, outbox: Outbox) -> None:
    """A part that a worker adds while the loop delivers is not forgotten, and delivered once."""
    got: list[bytes] = []

    def deliver(data: bytes) -> None:
        got.append(data)
        if data == b"1":
            outbox.put(deliver, b"2")

    outbox.put(deliver, b"1")
    loop.turn()
    loop.turn()
    assert got == [b"1", b"2"]


def test_delivery_that_another_worker_has_not_called_for_yet(loop: CountingLoop, outbox: Outbox) -> None:
    """Between raising the flag and waking the loop a worker may be interrupted by another one. What comes to
    the loop from that one in another way delivers first, and so does not overtake what it has put.
    """
    got: list[bytes] = []
    outbox._due = True  # by the interrupted worker
    outbox.put(got.append, b"1")
    assert not loop.callbacks
    outbox.deliver()
    assert got == [b"1"]
    outbox.put(got.append, b"2")
    loop.turn()
    assert got == [b"1", b"2"]


class TestWhileJobsWait:
    """Workers that have enough to do do not wake the loop for each response."""

    @pytest.fixture
    def jobs(self, outbox: Outbox) -> list[int]:
        """Give the queue of a pool, in which many jobs wait."""
        jobs = list(range(100))
        outbox.lulls = [Lull(()), Lull(jobs)]
        return jobs

    @pytest.fixture
    def got(self, loop: CountingLoop, outbox: Outbox, jobs: list[int]) -> list[bytes]:
        """Deliver a first part, and give what is delivered."""
        got: list[bytes] = []
        outbox.put(got.append, b"1")
        loop.turn()
        assert got == [b"1"]
        return got

    def test_the_loop_comes_by_itself(self, loop: CountingLoop, outbox: Outbox, got: list[bytes]) -> None:
        """It comes after a turn with the GIL, as if the workers had kept that, and wakes for nothing else."""
        outbox.put(got.append, b"2")
        outbox.put(got.append, b"3")
        assert not loop.callbacks
        assert [timer.seconds for timer in loop.timers] == [sys.getswitchinterval()]
        loop.time_passes()
        assert got == [b"1", b"2", b"3"]
        assert len(loop.timers) == 1

    def test_a_long_turn(
        self, loop: CountingLoop, outbox: Outbox, jobs: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No response waits for longer than Python's usual turn, though a program has chosen long ones."""
        monkeypatch.setattr(sys, "getswitchinterval", lambda: 10.0)
        outbox.put(print, b"")
        loop.turn()
        assert [timer.seconds for timer in loop.timers] == [0.005]

    def test_not_without_end(self, loop: CountingLoop, outbox: Outbox, got: list[bytes]) -> None:
        """A loop that came in vain does not come again by itself: the next part wakes it."""
        loop.time_passes()
        assert not loop.timers
        outbox.put(got.append, b"2")
        loop.turn()
        assert got == [b"1", b"2"]

    def test_few_jobs_are_left(
        self, loop: CountingLoop, outbox: Outbox, jobs: list[int], got: list[bytes]
    ) -> None:
        """Before the workers run out of jobs they call the loop, so that clients can send more."""
        outbox.put(got.append, b"2")
        jobs.clear()
        for lull in outbox.lulls:
            lull.tell()
        loop.turn()
        assert got == [b"1", b"2"]
        assert loop.timers[0].cancelled
        outbox.put(got.append, b"3")
        loop.turn()
        assert got == [b"1", b"2", b"3"]
        assert len(loop.timers) == 1

    def test_pool_that_has_little_to_do(self, loop: CountingLoop, outbox: Outbox, got: list[bytes]) -> None:
        """Its responses are not held up for the sake of another pool, in which many jobs wait."""
        few, many = outbox.lulls
        for part in (b"2", b"3"):  # each time the loop has come meanwhile
            outbox.put(got.append, part)
            assert few.listeners
            assert few.has_come
            few.tell()  # as a worker does after its job
            loop.turn()
            assert got[-1] == part
        assert len(many.listeners) == 1

    def test_no_pool_has_much_to_do(
        self, loop: CountingLoop, outbox: Outbox, jobs: list[int], got: list[bytes]
    ) -> None:
        """Then workers have nobody to call: each part wakes the loop."""
        jobs.clear()
        loop.time_passes()
        outbox.put(got.append, b"2")
        loop.turn()
        assert got == [b"1", b"2"]
        assert [len(lull.listeners) for lull in outbox.lulls] == [0, 0]

    def test_worker_that_waits_itself(self, loop: CountingLoop, outbox: Outbox, got: list[bytes]) -> None:
        """It has the loop come for what it has put, and so is not one that has enough to do."""
        outbox.put(got.append, b"2")
        assert not loop.callbacks
        outbox.hurry()
        loop.turn()
        assert got == [b"1", b"2"]
        outbox.hurry()
        assert not loop.callbacks  # nothing is there to be delivered

    def test_worker_that_waits_when_the_loop_is_woken(self, loop: CountingLoop, outbox: Outbox) -> None:
        """A loop that is about to come is not woken once more."""
        outbox.put(print, b"")
        outbox.hurry()
        assert len(loop.callbacks) == 1

    def test_loop_that_ends_meanwhile(self, jobs: list[int]) -> None:
        """Nobody waits for a loop that has ended, and the worker that calls it goes on."""
        loop = asyncio.new_event_loop()
        outbox = Outbox(loop)
        outbox.lulls = [Lull(jobs)]
        outbox.put(print, b"")
        outbox.deliver()
        outbox.put(print, b"")
        loop.close()
        outbox.hurry()
        jobs.clear()
        for lull in outbox.lulls:
            lull.tell()


def test_failed_delivery(loop: CountingLoop, outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    """A part that cannot be delivered is logged, and does not hold up the others."""
    got: list[bytes] = []

    def fail(data: bytes) -> None:
        raise RuntimeError("no")

    outbox.put(fail, b"1")
    outbox.put(got.append, b"2")
    loop.turn()
    assert got == [b"2"]
    assert "a response could not be sent" in caplog.messages


def test_loop_that_has_ended() -> None:
    """A worker whose loop is closed is told so by the error that it knows."""
    loop = asyncio.new_event_loop()
    outbox = Outbox(loop)
    loop.close()
    with pytest.raises(ClientDisconnected, match="the server has stopped"):
        outbox.put(print, b"1")


@pytest.fixture
def nervous_threads() -> Iterator[None]:
    """Let threads take turns as often as possible, so that races have a chance."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def set_event(event: threading.Event, _data: bytes) -> None:
    """Set an event, as a delivery."""
    event.set()


@pytest.mark.usefixtures("nervous_threads")
@on_each_loop
async def test_many_workers() -> None:
    """However threads and loop take turns, every part arrives, and each worker's in its order."""
    workers, parts = 4, 2000
    outbox = Outbox(asyncio.get_running_loop())
    got: list[list[int]] = [[] for _ in range(workers)]

    def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - the same each time
        mine = got[number]
        for part in range(parts):
            outbox.put(lambda data: mine.append(int(data)), b"%d" % part)
            if chance.random() < 0.1:  # let the loop catch up now and then, so that it has to be woken
                caught_up = threading.Event()
                outbox.put(partial(set_event, caught_up), b"")
                assert caught_up.wait(DEADLINE)
                assert mine[-1] == part

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    await until(lambda: sum(map(len, got)) == workers * parts)
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert got == [list(range(parts))] * workers


@on_each_loop
async def test_wait() -> None:
    """A worker that waits does so until what it had put is delivered, and then for what it names."""
    outbox = Outbox(asyncio.get_running_loop())
    delivered: list[bytes] = []
    gate = asyncio.Event()

    def work() -> str:
        outbox.put(delivered.append, b"one")
        outbox.wait()
        seen = list(delivered)
        outbox.put(delivered.append, b"two")
        outbox.wait(gate.wait)
        return f"{seen} {delivered}"

    worker = asyncio.create_task(asyncio.to_thread(work))
    await until(lambda: len(delivered) == 2)
    assert not worker.done()
    gate.set()
    assert await worker == "[b'one'] [b'one', b'two']"


def test_wait_for_a_loop_that_has_ended() -> None:
    """There is nothing to wait for on a loop that is closed."""
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(ClientDisconnected, match="stopped"):
        Outbox(loop).wait()
