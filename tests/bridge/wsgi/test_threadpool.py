"""The thread pool: every job runs, on no more threads than allowed, and no more of them than help."""

import asyncio
import gc
import random
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from hybrid.bridge.errors import PoolFull
from hybrid.bridge.wsgi.oversight import Patience
from hybrid.bridge.wsgi.pool_stats import PoolStats
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.bridge.wsgi.worker import Worker
from tests.support.embedded import until

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

    def test_no_queue(self) -> None:
        """Without a queue a job is taken when a thread is free for it, and refused when not."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                second = submit(pool, lambda: 2)
                with pytest.raises(PoolFull):
                    submit(pool, lambda: 3)
            assert await second == 2
            assert await submit(pool, lambda: 4) == 4

        with pool_of(2, queue=0) as pool:
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
                pool._wake_one()
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


class TestResting:
    """Workers that are one too many rest, though jobs wait."""

    def test_one_stays_awake(self) -> None:
        """However often the loop asks, one worker goes on, and does all that is queued."""

        async def main(pool: ThreadPool) -> None:
            for _ in range(20):
                jobs = [submit(pool, threading.get_ident) for _ in range(100)]
                for _ in range(3):
                    pool._wake_one()
                while not all(job.done() for job in jobs):
                    pool._rest_one()
                    assert len(pool._rests) < 3
                    await asyncio.sleep(0)

        with pool_of(3) as pool:
            run(main(pool))

    def test_rests_with_jobs_in_the_queue(self) -> None:
        """Of two workers one rests when it has done its job, and the other takes the next ones."""
        first, second = Blocker(), Blocker()

        async def main(pool: ThreadPool) -> None:
            pool.submit(first, None)
            pool.submit(second, None)
            await until(lambda: first.begun.is_set() and second.begun.is_set())
            jobs = [submit(pool, lambda: None) for _ in range(3)]
            pool._admission._jobs = deque()  # nothing to look at: the test decides
            pool._rest_one()
            assert len(pool._rests) == 1
            first.release.set()
            await until(lambda: len(pool._idle) == 1)
            assert pool.queued == 3
            assert not pool._rests
            second.release.set()
            await asyncio.gather(*jobs)

        with pool_of(2) as pool:
            run(main(pool))

    def test_the_last_one_never_rests(self) -> None:
        """A single worker that is awake is not asked, and an old request does not hold it."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                pool._rest_one()
                assert not pool._rests
                pool._rests.append(None)  # asked for when there were two
                job = submit(pool, lambda: 1)
            assert await job == 1

        with pool_of(1) as pool:
            run(main(pool))

    def test_close(self) -> None:
        """A worker does not rest when the pool closes."""

        async def main(pool: ThreadPool) -> None:
            first, second = Blocker(), Blocker()
            pool.submit(first, None)
            pool.submit(second, None)
            await until(lambda: first.begun.is_set() and second.begun.is_set())
            pool._rest_one()
            assert not pool.close(0)
            first.release.set()
            second.release.set()
            assert pool.close(DEADLINE)

        run(main(ThreadPool(2)))


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

    class Interrupted(list[Worker]):
        """A list of sleepers in which something happens right after a worker has put itself into it."""

        def __init__(self, happening: Callable[[], object]) -> None:
            super().__init__()
            self.happening: Callable[[], object] | None = happening

        def append(self, worker: Worker) -> None:
            """Put the worker in, and let it happen, once."""
            super().append(worker)
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
                pool._jobs.append((copy_context(), ran.append, 1, None, 0.0, None))
                if woken:
                    assert pool._wake_sleeper()

            pool._idle = idle = self.Interrupted(happen)
            pool._start_worker()
            run(until(lambda: ran == [1] and len(idle) == 1 and idle[0].wake.locked()))
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
            await until(lambda: pool._admission._loop is not None)

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


class Overseen:
    """An overseer that keeps what it is told."""

    def __init__(self, progress: float = 0.0) -> None:
        self.progress = progress
        self.waited: list[Any] = []
        self.ran: list[Any] = []
        self.gone: set[Any] = set()

    def waited_too_long(self, argument: Any) -> None:
        """Keep the argument."""
        self.waited.append(argument)

    def is_gone(self, argument: Any) -> bool:
        """Say what the test wants."""
        return argument in self.gone

    def last_progress(self, argument: Any) -> float:
        """Give what the test wants."""
        return self.progress

    def ran_too_long(self, argument: Any) -> None:
        """Keep the argument."""
        self.ran.append(argument)


class Blocker:
    """A job that blocks until the test lets it go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.release = threading.Event()
        self.ended = threading.Event()

    def __call__(self, argument: object) -> None:
        """Block."""
        self.begun.set()
        assert self.release.wait(DEADLINE)
        self.ended.set()


class TestWaitingTooLong:
    """What becomes of jobs for which no thread is free for too long."""

    def test_dropped(self) -> None:
        """The overseer is told, on the loop; the job does not run, and it counts as refused."""

        async def main(pool: ThreadPool) -> None:
            overseer = Overseen()
            async with occupied(pool):
                pool.submit(pytest.fail, "late", overseer)
                pool.submit(pytest.fail, "later", overseer)
                await until(lambda: overseer.waited == ["late", "later"])
                assert pool.stats().refused == 2
                assert pool.stats().queued == 0

        with pool_of(1, patience=Patience(queue=0.05)) as pool:
            run(main(pool))

    def test_in_time(self) -> None:
        """A job that has not waited for so long stays, and so does one that nobody oversees."""

        async def main(pool: ThreadPool) -> None:
            overseer = Overseen()
            async with occupied(pool):
                jobs = [submit(pool, lambda: 1)]
                pool.submit(print, "", overseer)
                now = pool._jobs[0][4]
                assert pool._look_for_late_jobs(now + 59.0)
                assert pool._look_for_late_jobs(now + 61.0)  # behind one that may wait
                assert (overseer.waited, pool.queued) == ([], 2)
            assert await jobs[0] == 1

        with pool_of(1, patience=Patience(queue=60.0)) as pool:
            run(main(pool))

    def test_for_ever(self) -> None:
        """With 0, nothing is ever dropped."""

        async def main(pool: ThreadPool) -> None:
            overseer = Overseen()
            async with occupied(pool):
                pool.submit(lambda _: None, "", overseer)
                assert pool._look_for_late_jobs(time.monotonic() + 1e9)
                assert not overseer.waited

        with pool_of(1, patience=Patience(queue=0)) as pool:
            run(main(pool))


class TestGone:
    """What becomes of jobs that nobody waits for any more."""

    def test_left_out_when_they_are_many(self) -> None:
        """They leave the queue when there may be one for four others; those keep their order."""

        async def main(pool: ThreadPool) -> None:
            overseer, done = Overseen(), list[int]()
            async with occupied(pool):
                for number in range(16):
                    pool.submit(done.append, number, overseer)
                for number in (0, 5, 6):
                    overseer.gone.add(number)
                    pool.note_gone()
                assert pool.queued == 16
                overseer.gone.add(15)
                pool.note_gone()
                assert pool.queued == 12
                assert pool.stats().refused == 0
            await until(lambda: len(done) == 12)
            assert done == [number for number in range(15) if number not in (0, 5, 6)]

        with pool_of(1) as pool:
            run(main(pool))

    def test_not_in_the_way(self) -> None:
        """One of them gives its place in a full queue to the next job; one that nobody oversees stays."""

        async def main(pool: ThreadPool) -> None:
            overseer = Overseen()
            async with occupied(pool):
                jobs = [submit(pool, lambda: 1) for _ in range(7)]
                pool.submit(pytest.fail, "gone", overseer)
                overseer.gone.add("gone")
                pool.note_gone()
                assert pool.queued == 8
                jobs.append(submit(pool, lambda: 1))
                assert pool.queued == 8
                with pytest.raises(PoolFull):
                    pool.submit(pytest.fail, "no room", overseer)
            assert await asyncio.gather(*jobs) == [1] * 8

        with pool_of(1, queue=8) as pool:
            run(main(pool))

    def test_worker_that_found_the_queue_empty(self) -> None:
        """It is woken for what was put back."""

        class Looking(Overseen):
            """Lets the workers come while it looks."""

            def is_gone(self, argument: Any) -> bool:
                """Wait until they sleep, the job being out of the queue."""
                blocker.release.set()
                end = time.monotonic() + DEADLINE
                while pool.busy and time.monotonic() < end:
                    time.sleep(0.001)
                return super().is_gone(argument)

        async def main() -> None:
            done = list[str]()
            pool.submit(blocker, None)
            await until(blocker.begun.is_set)
            pool.submit(done.append, "job", Looking())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            pool.note_gone()
            await until(lambda: done == ["job"])

        blocker = Blocker()
        with pool_of(1) as pool:
            run(main())


class TestRunningTooLong:
    """What becomes of jobs that do not end."""

    def test_written_off(self, caplog: pytest.LogCaptureFixture) -> None:
        """The overseer is told, the log has the stack, another thread takes the place, and the stuck one ends
        when it comes back.
        """

        async def main(pool: ThreadPool) -> None:
            overseer, stuck = Overseen(), Blocker()
            pool.submit(stuck, "stuck", overseer)
            await until(lambda: overseer.ran == ["stuck"])
            stats = pool.stats()
            assert (stats.busy, stats.stuck, stats.completed) == (0, 1, 0)
            assert await submit(pool, lambda: threading.current_thread().name) == "wsgi-2"
            stuck.release.set()
            await until(lambda: pool.stats().stuck == 0)
            # A job is counted when its worker comes back from it, a moment after who waits has its result.
            await until(lambda: pool.stats().completed == 2)
            await until(lambda: not [each for each in threading.enumerate() if each.name == "wsgi-1"])

        with pool_of(1, patience=Patience(run=0.05)) as pool:
            run(main(pool))
        text = caplog.text
        assert "wsgi-1 is stuck and has been written off, 1 so far; it is at" in text
        assert "assert self.release.wait(DEADLINE)" in text
        assert "wsgi-1 has come back after" in text

    def test_what_waits_gets_the_new_thread(self) -> None:
        """A job that is queued behind a stuck one runs though the stuck one does not end."""

        async def main(pool: ThreadPool) -> None:
            overseer, stuck = Overseen(), Blocker()
            pool.submit(stuck, None, overseer)
            assert await submit(pool, lambda: 1) == 1
            assert not stuck.ended.is_set()
            stuck.release.set()
            await until(lambda: pool.stats().stuck == 0)

        with pool_of(1, patience=Patience(run=0.05)) as pool:
            run(main(pool))

    def test_exhausted(self, caplog: pytest.LogCaptureFixture) -> None:
        """With so many stuck threads the pool wants the process replaced, until they come back."""

        async def main(pool: ThreadPool) -> None:
            overseer, stuck = Overseen(), Blocker()
            for number in (1, 2):
                assert not pool.exhausted
                pool.submit(stuck, number, overseer)
                while number not in overseer.ran:
                    await asyncio.sleep(0)
            assert pool.exhausted
            stuck.release.set()
            await until(lambda: not pool.exhausted)

        with pool_of(1, patience=Patience(run=0.05, stuck=2)) as pool:
            run(main(pool))
        critical = [record.message for record in caplog.records if record.levelname == "CRITICAL"]
        assert critical == ["thread pool 'wsgi': 2 threads are stuck: replace this process"]

    def test_no_more_than_so_many_are_replaced(self) -> None:
        """Further stuck threads leave their places empty; what waits is done when some have come back."""

        async def main(pool: ThreadPool) -> None:
            overseer, stuck = Overseen(), Blocker()
            most = pool.threads + pool.most_stuck
            for number in range(most):
                pool.submit(stuck, number, overseer)
                await until(lambda number=number: number in overseer.ran)  # type: ignore[misc]
            assert pool.stats().stuck == most == 3
            done = asyncio.ensure_future(submit(pool, lambda: "done"))
            await until(lambda: pool.queued == 1)
            for _ in range(20):  # looks of those who start threads
                await asyncio.sleep(0.01)
                assert not done.done()
                assert len([each for each in threading.enumerate() if each.name.startswith("wsgi-")]) == most
            stuck.release.set()
            assert await done == "done"
            await until(lambda: pool.stats().stuck == 0)

        with pool_of(2, patience=Patience(run=0.05, stuck=1)) as pool:
            run(main(pool))

    def test_a_pool_of_stuck_threads_can_be_closed(self) -> None:
        """What waits is not done then: there is no thread for it."""

        async def main(pool: ThreadPool) -> None:
            overseer, stuck, waits = Overseen(), Blocker(), Blocker()
            for number in range(2):
                pool.submit(stuck, number, overseer)
                await until(lambda number=number: number in overseer.ran)  # type: ignore[misc]
            pool.submit(waits, "waits", overseer)
            assert pool.close(timeout=0)
            assert not waits.begun.is_set()
            waits.release.set()  # there may be a thread for it once the others are back: it ends at once
            stuck.release.set()
            await until(lambda: pool.stats().stuck == 0)

        run(main(ThreadPool(1, patience=Patience(run=0.05, stuck=1))))

    def test_none_are_given_up_without_a_limit(self) -> None:
        """So there are none beside the others."""
        assert ThreadPool(2, patience=Patience(run=0.0, stuck=5)).most_stuck == 0

    @pytest.mark.parametrize(
        ("progress", "after", "written_off"),
        [(0.0, 59.0, False), (0.0, 61.0, True), (50.0, 61.0, False), (50.0, 111.0, True), (1e9, 1e6, False)],
    )
    def test_progress(self, progress: float, after: float, written_off: bool) -> None:
        """The time counts from the beginning of the job, or from when it last showed that it goes on."""

        async def main(pool: ThreadPool) -> None:
            job = Blocker()
            overseer = Overseen()
            pool.submit(job, "", overseer)
            await until(job.begun.is_set)
            began = pool._workers[0].since
            overseer.progress = began + progress if progress else 0.0
            pool._look_for_late_jobs(began + after)
            assert overseer.ran == ([""] if written_off else [])
            job.release.set()
            await until(lambda: pool.stats().completed == 1)

        with pool_of(1, patience=Patience(run=60.0)) as pool:
            run(main(pool))

    def test_nobody_oversees(self) -> None:
        """A job without an overseer may take as long as it likes."""

        async def main(pool: ThreadPool) -> None:
            async with occupied(pool):
                pool._look_for_late_jobs(time.monotonic() + 1e9)
                assert pool.stats().stuck == 0

        with pool_of(1, patience=Patience(run=0.1)) as pool:
            run(main(pool))


class TestStats:
    """One reading of everything."""

    def test_idle(self) -> None:
        """A pool that has done nothing says so."""
        assert ThreadPool(3).stats() == PoolStats(3, 0, 0, 0, 0, 0.0, 0, 0, 0)

    def test_busy(self) -> None:
        """Threads with a job, jobs without a thread, and what has been, are counted."""

        async def main(pool: ThreadPool) -> None:
            await submit(pool, lambda: None)
            async with occupied(pool):
                waiting = [submit(pool, lambda: None) for _ in range(2)]
                with pytest.raises(PoolFull):
                    submit(pool, lambda: None)
                await until(lambda: pool.stats().oldest_wait > 0.01)
                stats = pool.stats()
                assert (stats.threads, stats.busy, stats.queued, stats.completed) == (1, 1, 2, 1)
                assert (stats.highest_queue, stats.refused) == (2, 1)
            await asyncio.gather(*waiting)
            await until(lambda: pool.stats().completed == 4)
            assert pool.stats().oldest_wait == 0.0
            assert pool.stats().highest_queue == 2

        with pool_of(1, queue=2) as pool:
            run(main(pool))

    @pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="threads have no clock here")
    def test_blocked(self) -> None:
        """A thread that waits is blocked, one that computes is not."""
        stop = threading.Event()

        def compute(_: object) -> None:
            while not stop.is_set():
                sum(range(1000))

        async def main(pool: ThreadPool) -> None:
            waiting = Blocker()
            pool.submit(waiting, None)
            await until(waiting.begun.is_set)
            pool.submit(compute, None)
            await until(lambda: (pool.stats().busy, pool.stats().blocked) == (2, 1))
            stop.set()
            waiting.release.set()
            await until(lambda: pool.stats().blocked == 0)

        with pool_of(2) as pool:
            run(main(pool))

    @pytest.mark.usefixtures("nervous_threads")
    def test_consistent_from_any_thread(self) -> None:
        """Readings taken while jobs come and go never contradict themselves or one another."""
        readings: list[PoolStats] = []

        def read(pool: ThreadPool, stop: threading.Event) -> None:
            while not stop.is_set():
                readings.append(pool.stats())

        async def main(pool: ThreadPool) -> None:
            for _ in range(100):
                await asyncio.gather(*(submit(pool, lambda: None) for _ in range(10)))
            await until(lambda: pool.stats().completed == 1000)

        with pool_of(3) as pool:
            stop = threading.Event()
            reader = threading.Thread(target=read, args=(pool, stop))
            reader.start()
            run(main(pool))
            stop.set()
            reader.join(DEADLINE)
            assert pool.stats().completed == 1000
        for before, after in pairwise(readings):
            assert before.completed <= after.completed <= 1000
            assert before.highest_queue <= after.highest_queue
        for reading in readings:
            assert 0 <= reading.blocked <= reading.busy <= 3
            assert reading.queued <= reading.highest_queue <= 10


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
        assert not any(worker.thread.is_alive() for worker in pool._workers)

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


def test_threads_are_tidied_up_at_their_end() -> None:
    """On each of them, after its last job; one that cannot be does not keep the others from it."""
    names: list[str] = []

    def fail() -> None:
        raise ValueError("not tidy")

    async def use() -> None:
        with pool_of(2) as pool:
            pool.at_thread_end += [fail, lambda: names.append(threading.current_thread().name)]
            assert await submit(pool, lambda: list(names)) == []

    run(use())
    assert names == ["wsgi-1"]
