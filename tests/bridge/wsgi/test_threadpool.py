"""The thread pool: every job runs, on no more threads than allowed, and no more of them than help."""

import asyncio
import gc
import random
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

import pytest

import hybrid.bridge.wsgi.threadpool as pool_module
from hybrid.bridge.errors import PoolFull
from hybrid.bridge.wsgi.threadpool import ThreadPool

DEADLINE = 20.0

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


@contextmanager
def pool_of(threads: int, **options: Any) -> Iterator[ThreadPool]:
    """Make a pool whose threads end with the block."""
    pool = ThreadPool(threads, **options)
    yield pool
    assert pool.close(DEADLINE)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop of its own, within the deadline."""

    async def in_time() -> Any:
        async with asyncio.timeout(DEADLINE):
            return await main

    return asyncio.run(in_time())


def submit(pool: ThreadPool, function: Callable[[], Any]) -> "asyncio.Future[Any]":
    """Give the pool a job, and return a future of its result."""
    future: Future[Any] = Future()

    def job(future: Future[Any]) -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)
            raise

    pool.submit(job, future)
    return asyncio.wrap_future(future)


@asynccontextmanager
async def occupied(pool: ThreadPool) -> AsyncIterator[None]:
    """Keep one worker in a job for as long as the block lasts."""
    begun, release = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert release.wait(DEADLINE)

    done = submit(pool, wait)
    while not begun.is_set():
        await asyncio.sleep(0)
    try:
        yield
    finally:
        release.set()
        await done


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something is true; the test's deadline applies."""
    while not condition():
        await asyncio.sleep(0)


class TestJobs:
    """What a job finds."""

    def test_argument(self) -> None:
        """A job is called with its argument, on a thread of the pool's name."""

        async def main(pool: ThreadPool) -> None:
            seen: Future[tuple[object, str]] = Future()
            marker = object()
            pool.submit(lambda argument: seen.set_result((argument, threading.current_thread().name)), marker)
            assert await asyncio.wrap_future(seen) == (marker, "name-1")

        with pool_of(1, name="name") as pool:
            run(main(pool))

    def test_context_of_the_caller(self) -> None:
        """A job sees the context variables of whoever submitted it."""

        async def main(pool: ThreadPool) -> None:
            VARIABLE.set("of the caller")
            assert await submit(pool, VARIABLE.get) == "of the caller"

        with pool_of(1) as pool:
            run(main(pool))

    def test_context_does_not_leak(self) -> None:
        """What a job sets is seen by no later job on the same thread, nor by the caller."""

        async def main(pool: ThreadPool) -> None:
            await submit(pool, lambda: VARIABLE.set("of a job"))
            assert await submit(pool, VARIABLE.get) == "unset"
            assert VARIABLE.get() == "unset"

        with pool_of(1) as pool:
            run(main(pool))

    def test_thread_locals_persist(self) -> None:
        """Threads live on, with what jobs keep in threading.local, such as database connections."""
        local = threading.local()

        def count() -> int:
            local.calls = getattr(local, "calls", 0) + 1
            return int(local.calls)

        async def main(pool: ThreadPool) -> None:
            assert [await submit(pool, count) for _ in range(3)] == [1, 2, 3]

        with pool_of(1) as pool:
            run(main(pool))

    @pytest.mark.parametrize("error", [ValueError(), SystemExit(), KeyboardInterrupt()], ids=repr)
    def test_error(self, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
        """A job that raises is logged, and the worker takes the next one."""

        def fail() -> None:
            raise error

        async def main(pool: ThreadPool) -> None:
            failed = submit(pool, fail)
            await until(failed.done)
            assert failed.exception() is error if isinstance(error, Exception) else failed.done()
            assert await submit(pool, threading.get_ident) > 0
            assert len(pool._workers) == 1

        with pool_of(1) as pool:
            run(main(pool))
        assert "thread pool 'wsgi': a job failed" in caplog.messages

    def test_nothing_of_a_job_is_kept(self) -> None:
        """A worker that sleeps holds nothing of its last request."""

        class Argument:
            pass

        async def main(pool: ThreadPool) -> None:
            argument = Argument()
            reference = weakref.ref(argument)
            pool.submit(lambda _: None, argument)
            del argument
            await until(lambda: not pool.busy and not pool.queued)
            await until(lambda: gc.collect() or reference() is None)

        with pool_of(1) as pool:
            run(main(pool))


class TestLimits:
    """How much a pool takes."""

    @pytest.mark.parametrize("threads", [0, -1])
    def test_no_threads(self, threads: int) -> None:
        """A pool without threads would never run anything."""
        with pytest.raises(ValueError, match=f"at least one thread, not {threads}"):
            ThreadPool(threads)

    def test_queue(self) -> None:
        """What is beyond the queue is refused, and what was taken is run."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                taken = [submit(pool, lambda: True) for _ in range(2)]
                assert repr(pool) == "<ThreadPool 'small' threads=1 busy=1 queued=2>"
                with pytest.raises(PoolFull, match=r"'small': 2 jobs are waiting already"):
                    submit(pool, lambda: True)
            assert await asyncio.gather(*taken) == [True, True]

        with pool_of(1, queue=2, name="small") as pool:
            run(main(pool))

    @pytest.mark.parametrize("threads", [1, 3])
    def test_threads(self, threads: int) -> None:
        """However many jobs block, no more threads are started than allowed."""
        running: set[int] = set()
        release = threading.Event()

        def block() -> int:
            running.add(threading.get_ident())
            assert release.wait(DEADLINE)
            return threading.get_ident()

        async def main(pool: ThreadPool) -> None:
            jobs = [submit(pool, block) for _ in range(5 * threads)]
            await until(lambda: len(running) == threads)
            for _ in range(100):
                pool._look()
            release.set()
            assert set(await asyncio.gather(*jobs)) <= running
            assert len(pool._workers) == threads

        with pool_of(threads) as pool:
            run(main(pool))

    def test_system_gives_no_more_threads(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where the system starts no more threads, the pool goes on with those that it has."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                monkeypatch.setattr(threading.Thread, "start", no_more)
                waiting = submit(pool, lambda: "run")
                await until(lambda: pool.threads == 1)
            assert await waiting == "run"

        def no_more(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with pool_of(8) as pool:
            run(main(pool))
        assert caplog.messages == ["thread pool 'wsgi': the system gives no more than 1 threads"]

    def test_system_gives_no_thread_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where not even the first thread starts, the loop is told, and the next job tries again."""

        async def main(pool: ThreadPool) -> None:
            errors: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", no_more)
                first = submit(pool, lambda: 1)
                await until(lambda: errors)
            assert await submit(pool, lambda: 2) == 2
            assert await first == 1

        def no_more(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with pool_of(1) as pool:
            run(main(pool))


class TestWaking:
    """How many workers are awake."""

    @pytest.mark.parametrize("threads", [2, 5, 16])
    def test_blocked_jobs_get_all_threads(self, threads: int) -> None:
        """Jobs that wait for one another all run at once, as many as there are threads; again and again."""
        barrier = threading.Barrier(threads)

        async def main(pool: ThreadPool) -> None:
            for _ in range(5):
                await asyncio.gather(*(submit(pool, lambda: barrier.wait(DEADLINE)) for _ in range(threads)))

        with pool_of(threads) as pool:
            run(main(pool))

    def test_while_the_loop_uses_the_cpu(self) -> None:
        """A job gets a thread although the loop is busy and the only awake worker waits."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                done = submit(pool, lambda: True)
                await until(done.done)  # never sleeps, so that the process uses a whole CPU

        with pool_of(2) as pool:
            run(main(pool))

    class Clock:
        """Wall and CPU time in a test's hands."""

        def __init__(self) -> None:
            self.wall = self.cpu = 1000.0

        def monotonic(self) -> float:
            """Give the wall time."""
            return self.wall

        def process_time(self) -> float:
            """Give the CPU time."""
            return self.cpu

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """Take the pool's clock over."""
        clock = self.Clock()
        monkeypatch.setattr(pool_module, "time", clock)
        return clock

    def look(self, clock: Clock, pool: ThreadPool, *, cpu: float, step: float = 0.001, times: int = 1) -> int:
        """Let the pool look some times while the CPU is used for that share; return how many are awake."""
        for _ in range(times):
            clock.wall += step
            clock.cpu += step * cpu
            pool._look()
        return len(pool._workers)

    def with_waiting_jobs(
        self, monkeypatch: pytest.MonkeyPatch, look: Callable[[ThreadPool], None], threads: int = 16
    ) -> None:
        """Call `look` while one job is running and three wait; what the pool wakes are no real threads."""

        async def main() -> None:
            pool = ThreadPool(threads)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", lambda _: None)
                for _ in range(4):
                    pool.submit(lambda _: None, None)
                pool._flush()
                pool._jobs.popleft()
                assert len(pool._workers) == 1
                look(pool)
                pool._jobs.clear()

        run(main())

    def test_idle_cpu_wakes_in_doubling_steps(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """While the CPU is idle, 1, 2, 4 … more are woken, and not more than there are."""

        def look(pool: ThreadPool) -> None:
            awake = [self.look(clock, pool, cpu=0.5) for _ in range(7)]
            assert awake == [2, 4, 8, 10, 10, 10, 10]
            assert pool._wake_step <= 10  # or the loop would soon be busy with counting

        self.with_waiting_jobs(monkeypatch, look, threads=10)

    def test_busy_cpu_wakes_nobody(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """While the CPU is in use another thread would not help; and the steps start again from one."""

        def look(pool: ThreadPool) -> None:
            assert self.look(clock, pool, cpu=0.9, times=50) == 1
            assert self.look(clock, pool, cpu=0.1, times=2) == 4
            assert self.look(clock, pool, cpu=0.9) == 4
            assert self.look(clock, pool, cpu=0.1) == 5

        self.with_waiting_jobs(monkeypatch, look)

    def test_old_look_says_nothing(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """After a pause the first look only starts the measurement."""

        def look(pool: ThreadPool) -> None:
            assert self.look(clock, pool, cpu=0.0, step=0.05) == 1
            assert self.look(clock, pool, cpu=0.0) == 2

        self.with_waiting_jobs(monkeypatch, look)

    def test_stuck_job_wakes_one(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """A job that has been the next one for a tenth of a second gets a thread, busy CPU or not."""

        def look(pool: ThreadPool) -> None:
            assert self.look(clock, pool, cpu=1.0, times=95) == 1
            assert self.look(clock, pool, cpu=1.0, times=10) == 2
            pool._jobs.popleft()  # the queue moves: the time starts again
            assert self.look(clock, pool, cpu=1.0, times=95) == 2
            assert self.look(clock, pool, cpu=1.0, times=10) == 3

        self.with_waiting_jobs(monkeypatch, look)


@pytest.fixture
def nervous_threads() -> Iterator[None]:
    """Let threads take turns as often as possible, so that races have a chance."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class TestLostWakeUps:
    """No job waits while a worker sleeps."""

    @pytest.mark.usefixtures("nervous_threads")
    @pytest.mark.parametrize("threads", [1, 2, 8])
    def test_one_job_at_a_time(self, threads: int) -> None:
        """Each job is submitted just when the worker is about to sleep, and each one runs."""

        async def main(pool: ThreadPool) -> None:
            for number in range(1500):
                assert await submit(pool, partial(abs, number)) == number

        with pool_of(threads) as pool:
            run(main(pool))

    @pytest.mark.usefixtures("nervous_threads")
    @pytest.mark.parametrize("threads", [1, 2, 8])
    def test_bursts(self, threads: int) -> None:
        """Bursts of any size at any distance all run."""
        chance = random.Random(threads)  # noqa: S311 - the same each time

        async def main(pool: ThreadPool) -> None:
            jobs = []
            for _ in range(150):
                burst = [submit(pool, threading.get_ident) for _ in range(chance.randrange(20))]
                jobs += burst
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                if chance.random() < 0.5:
                    await asyncio.gather(*burst)
            await asyncio.gather(*jobs)

        with pool_of(threads, queue=5000) as pool:
            run(main(pool))

    class Interrupted(list[threading.Lock]):
        """A list of sleepers in which something happens right after a worker has put itself into it."""

        def __init__(self, happening: Callable[[], object]) -> None:
            super().__init__()
            self.happening: Callable[[], object] | None = happening

        def append(self, wake: threading.Lock) -> None:
            """Put the worker in, and let it happen, once."""
            super().append(wake)
            if self.happening is not None:
                happening, self.happening = self.happening, None
                happening()

    @pytest.mark.parametrize("woken", [False, True])
    def test_job_that_comes_while_a_worker_lies_down(self, woken: bool) -> None:
        """Between the list and the sleep: the worker takes the job, whether the loop has woken it or not.

        It is in the list once when it sleeps, and does not sleep lightly: a release is consumed.
        """
        with pool_of(1) as pool:
            ran: list[int] = []

            def happen() -> None:
                pool._jobs.append((copy_context(), ran.append, 1))
                if woken:
                    assert pool._wake_sleeper()

            pool._idle = idle = self.Interrupted(happen)
            pool._start_worker()
            run(until(lambda: ran == [1] and len(idle) == 1 and idle[0].locked()))
            assert not pool.queued


class TestLoops:
    """Loops come and go; the pool stays."""

    def test_one_loop_after_another(self) -> None:
        """A loop that stopped before it woke anybody does not keep later loops from it."""

        async def leave_at_once(pool: ThreadPool, jobs: list[Future[int]]) -> None:
            future: Future[int] = Future()
            jobs.append(future)
            pool.submit(lambda future: future.set_result(1), future)

        async def main(pool: ThreadPool) -> None:
            assert await submit(pool, lambda: 2) == 2

        with pool_of(2) as pool:
            jobs: list[Future[int]] = []
            loop = asyncio.new_event_loop()
            loop.call_soon(loop.stop)
            task = loop.create_task(leave_at_once(pool, jobs))
            loop.run_forever()  # one turn: the job is queued, and nobody woken
            assert task.done()
            assert pool.queued == 1
            loop.close()
            run(main(pool))
            assert jobs[0].result(DEADLINE) == 1

    def test_loop_that_stopped_while_it_looked(self) -> None:
        """A loop that stopped while jobs waited leaves the looking to the next one."""
        release = threading.Event()
        barrier = threading.Barrier(3)

        async def leave(pool: ThreadPool) -> None:
            for _ in range(3):
                pool.submit(lambda _: release.wait(DEADLINE), None)
            await until(lambda: pool._watching is not None)

        async def main(pool: ThreadPool) -> None:
            release.set()
            await asyncio.gather(*(submit(pool, lambda: barrier.wait(DEADLINE)) for _ in range(3)))

        with pool_of(3) as pool:
            run(leave(pool))
            run(main(pool))

    def test_two_loops_at_once(self) -> None:
        """Several loops may share a pool, each on a thread of its own."""

        async def main(pool: ThreadPool) -> None:
            for _ in range(300):
                await submit(pool, lambda: None)

        with pool_of(2) as pool:
            threads = [threading.Thread(target=run, args=(main(pool),)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE)
                assert not thread.is_alive()


class TestClose:
    """The end of a pool."""

    def test_without_jobs(self) -> None:
        """A pool that was never used is closed at once, as often as one likes."""
        pool = ThreadPool()
        assert pool.close()
        assert pool.close(0)

    def test_sleeping_workers_end(self) -> None:
        """Workers that sleep are woken and end."""
        barrier = threading.Barrier(3)

        async def main(pool: ThreadPool) -> None:
            await asyncio.gather(*(submit(pool, lambda: barrier.wait(DEADLINE)) for _ in range(3)))

        pool = ThreadPool(3)
        run(main(pool))
        assert pool.close(DEADLINE)
        assert pool.busy + len(pool._idle) == 3
        assert not any(worker.is_alive() for worker in pool._workers)

    def test_new_jobs_are_refused(self) -> None:
        """A pool that closes takes nothing more."""

        async def main(pool: ThreadPool) -> None:
            pool.close()
            with pytest.raises(PoolFull, match=r"'wsgi' is closing"):
                submit(pool, lambda: None)

        run(main(ThreadPool()))

    @pytest.mark.parametrize("flushed", [False, True])
    @pytest.mark.parametrize("threads", [1, 4])
    def test_queued_jobs_are_finished(self, threads: int, flushed: bool) -> None:
        """Jobs that were taken run, also when the loop has not come to waking anybody for them."""
        ran: list[int] = []

        async def main(pool: ThreadPool) -> None:
            for number in range(100):
                pool.submit(ran.append, number)
            if flushed:
                await asyncio.sleep(0)
            assert pool.close(DEADLINE)
            assert sorted(ran) == list(range(100))

        run(main(ThreadPool(threads)))

    @pytest.mark.usefixtures("nervous_threads")
    def test_close_while_workers_lie_down(self) -> None:
        """Workers that are about to sleep when the pool closes do not."""

        async def main(pool: ThreadPool) -> None:
            jobs = [submit(pool, threading.get_ident) for _ in range(3)]
            await asyncio.gather(*jobs[: len(pool.name) % 4])
            assert pool.close(DEADLINE)

        for number in range(100):
            run(main(ThreadPool(3, name="x" * number)))

    def test_stuck_job(self) -> None:
        """close() gives up after the timeout, and says so."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                before = time.monotonic()
                assert not pool.close(0)
                assert not pool.close(0.01)
                assert time.monotonic() > before
            assert pool.close(DEADLINE)

        run(main(ThreadPool(2)))

    def test_from_another_thread(self) -> None:
        """A loop that lets another thread close the pool runs on while jobs finish."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                closing = asyncio.create_task(asyncio.to_thread(pool.close, DEADLINE))
                await until(lambda: pool._closing)
                assert not closing.done()
            assert await closing

        run(main(ThreadPool(2)))
