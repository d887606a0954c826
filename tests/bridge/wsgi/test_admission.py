"""When a further worker is woken, with the clock in the test's hands."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextvars import copy_context

import pytest

import hybrid.bridge.wsgi.admission as admission_module
from hybrid.bridge.wsgi.admission import Admission
from hybrid.bridge.wsgi.jobs import Job


class Clock:
    """Wall and CPU time."""

    def __init__(self) -> None:
        self.wall = self.cpu = 1000.0

    def monotonic(self) -> float:
        """Give the wall time."""
        return self.wall

    def process_time(self) -> float:
        """Give the CPU time."""
        return self.cpu


def job() -> Job:
    """Make a job that nobody runs."""
    return copy_context(), print, None, None, 0.0, None


class Queue:
    """Three jobs that wait, for at most so many threads, of which one is awake; and the time."""

    def __init__(self, clock: Clock, threads: int = 16) -> None:
        self.jobs = deque(job() for _ in range(3))
        self.awake = 1
        self._clock = clock
        self._threads = threads
        self.rested = 0
        self.admission = Admission(self.jobs, self._wake_one, self._rest_one)

    def _wake_one(self) -> None:
        self.awake = min(self.awake + 1, self._threads)

    def _rest_one(self) -> None:
        self.rested += 1

    def start(self) -> int:
        """Begin to look; return how many threads are awake then."""
        self.admission.start(self._threads)
        return self.awake

    def look(self, *, cpu: float, step: float = 0.001, times: int = 1) -> int:
        """Look some times while the CPU is used for that share; return how many threads are awake then."""
        for _ in range(times):
            self._clock.wall += step
            self._clock.cpu += step * cpu
            self.admission.look(self._threads)
        return self.awake


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Take the clock over."""
    clock = Clock()
    monkeypatch.setattr(admission_module, "time", clock)
    return clock


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run on a loop that makes no turn, so that only the test looks."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


def on(loop: asyncio.AbstractEventLoop, queue: Queue, *expected: tuple[dict[str, float], int]) -> None:
    """Start, look with each of these arguments, and compare how many threads are awake."""

    async def main() -> None:
        assert queue.start() == 1
        for arguments, awake in expected:
            assert queue.look(**arguments) == awake  # type: ignore[arg-type]
        queue.jobs.clear()

    loop.run_until_complete(main())


def test_idle_cpu_wakes_in_doubling_steps(clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
    """While the CPU is idle, 1, 2, 4 … more are woken, and never more at once than there are."""
    queue = Queue(clock, threads=10)
    on(loop, queue, *(({"cpu": 0.5}, awake) for awake in (2, 4, 8, 10, 10, 10, 10)))
    assert repr(queue.admission).endswith("step=10>")


def test_busy_cpu_wakes_nobody(clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
    """While the CPU is in use another thread would not help; and the steps start again from one."""
    on(
        loop,
        Queue(clock),
        ({"cpu": 0.9, "times": 50}, 1),
        ({"cpu": 0.1, "times": 2}, 4),
        ({"cpu": 0.9}, 4),
        ({"cpu": 0.1}, 5),
    )


def test_busy_cpu_lets_workers_rest(clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
    """With each look that finds the CPU in use one worker more than necessary may rest."""

    async def main() -> None:
        queue = Queue(clock)
        queue.start()
        queue.look(cpu=0.0, times=3)
        assert queue.rested == 0
        queue.look(cpu=1.0, times=4)
        assert queue.rested == 4
        queue.jobs.clear()

    loop.run_until_complete(main())


def test_looks_seldom_while_the_cpu_is_busy(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs those who use the CPU their turn: the distance doubles, and is short again afterwards."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        distances: list[float] = []
        monkeypatch.setattr(loop, "call_later", lambda delay, *_: distances.append(round(1000 * delay)))
        queue = Queue(clock)
        queue.start()
        queue.look(cpu=1.0, times=6)
        queue.look(cpu=0.0)
        queue.look(cpu=1.0)
        assert distances == [1, 2, 4, 4, 4, 4, 4, 1, 2]

    asyncio.run(main())


def test_old_look_says_nothing(clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
    """After a pause the first look only starts the measurement."""
    on(loop, Queue(clock), ({"cpu": 0.0, "step": 0.05}, 1), ({"cpu": 0.0}, 2))


def test_next_job_that_waits_wakes_one(clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
    """A job that has been the next one for a tenth of a second gets a thread, busy CPU or not."""

    async def main() -> None:
        queue = Queue(clock)
        queue.start()
        assert queue.look(cpu=1.0, times=95) == 1
        assert queue.look(cpu=1.0, times=10) == 2
        queue.jobs.popleft()  # the queue moves: the time starts again
        assert queue.look(cpu=1.0, times=95) == 2
        assert queue.look(cpu=1.0, times=10) == 3
        queue.jobs.clear()

    loop.run_until_complete(main())


def test_rests_when_the_queue_is_empty(clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
    """Nothing is looked at any more, and a later start begins with one again."""

    async def main() -> None:
        queue = Queue(clock)
        queue.start()
        assert queue.look(cpu=0.0, times=3) == 8
        queue.jobs.clear()
        assert queue.look(cpu=0.0) == 8
        assert repr(queue.admission) == "<Admission at rest step=8>"
        queue.jobs.append(job())
        queue.awake = 1
        clock.wall += 0.01  # nobody has looked at what was used of the CPU meanwhile
        queue.start()
        assert queue.look(cpu=0.0) == 2
        queue.jobs.clear()

    loop.run_until_complete(main())


def test_a_loop_that_is_gone_leaves_it_to_the_next(clock: Clock) -> None:
    """The loop that looked may stop; another one that starts takes over."""
    queue = Queue(clock)
    for awake in (2, 3):
        with asyncio.Runner() as runner:
            on_this = queue.awake

            async def main(awake: int = awake, on_this: int = on_this) -> None:
                assert queue.start() == on_this
                assert queue.look(cpu=0.0) == awake

            runner.run(main())
