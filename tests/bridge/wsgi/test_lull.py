"""Word from the workers that few jobs are left: once, in time, and never too late."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from hybrid.bridge.wsgi.lull import Lull
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.support.embedded import DEADLINE, until

MANY = 10


class Queue(list[int]):
    """Jobs of which a worker takes all as soon as somebody has looked how many there are."""

    after: Callable[[], object]  # what the worker does then

    def __len__(self) -> int:
        """Give the number; the next one to ask finds none."""
        many = super().__len__()
        self.clear()
        if many:
            self.after()
        return many


def test_listener_is_called_once() -> None:
    """Whoever has asked while many jobs wait is called when it is time, and then forgotten."""
    jobs, called = list(range(MANY)), list[str]()
    lull = Lull(jobs)
    assert lull.call(partial(called.append, "one"))
    assert lull.call(partial(called.append, "other"))
    assert repr(lull) == "<Lull has not come, 2 listeners>"
    jobs.clear()
    assert lull.has_come
    lull.tell()
    lull.tell()
    assert sorted(called) == ["one", "other"]


def test_the_same_listener_asks_again() -> None:
    """One that asks more than once before it is called is called once: listeners do not pile up."""
    called = list[int]()
    lull = Lull(range(MANY))
    listener = partial(called.append, 1)
    for _ in range(3):
        assert lull.call(listener)
    assert len(lull.listeners) == 1


@pytest.mark.parametrize("jobs", [0, 3])
def test_few_jobs(jobs: int) -> None:
    """Where few jobs wait nobody has to be called, and nobody is kept."""
    lull = Lull(range(jobs))
    assert not lull.call(print)
    assert not lull.listeners


def test_worker_that_looks_first() -> None:
    """A worker that finds few jobs while somebody asks calls it, or the answer is that few are left."""
    called = list[int]()
    jobs = Queue(range(MANY))
    lull = Lull(jobs)
    jobs.after = lull.tell
    assert lull.call(partial(called.append, 1)) or not lull.listeners
    assert called == [1]


def test_of_a_pool() -> None:
    """A worker calls before the last jobs are done, so that the loop can bring more meanwhile."""
    left = list[int]()
    gate = threading.Semaphore(0)

    def job(_: object) -> None:
        assert gate.acquire(timeout=DEADLINE)

    async def main(pool: ThreadPool) -> None:
        for _ in range(MANY):
            pool.submit(job, None)
        assert pool.lull.call(lambda: left.append(pool.queued))
        gate.release()
        await until(lambda: pool.stats().completed == 1)
        assert not left
        gate.release(MANY - 1)
        await until(lambda: pool.stats().completed == MANY)
        assert left == [3]

    pool = ThreadPool(1)
    asyncio.run(asyncio.wait_for(main(pool), DEADLINE))
    assert pool.close(DEADLINE)
