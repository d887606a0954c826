"""How long a thread keeps the GIL: short turns while long views compute, in a process that serves."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from hybrid.bridge.wsgi import turns as module
from hybrid.bridge.wsgi.jobs import Job
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.bridge.wsgi.turns import LOOK_SECONDS, TURNS, Turns
from hybrid.bridge.wsgi.worker import Worker
from tests.support.embedded import DEADLINE

needs_clocks = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="threads have no clock of their own here"
)


class FakeWorker(Worker):
    """A worker without a thread that has used such a share of a CPU in a long job since the last look."""

    def __init__(self, share: float) -> None:
        super().__init__(lambda _: None, "fake")
        self.share = share

    def cpu_share(self, now: float) -> float:
        """Give what the test says."""
        return self.share


@pytest.fixture
def usual() -> Iterator[float]:
    """Give the interval before, which must be there again afterwards."""
    before = sys.getswitchinterval()
    yield before
    assert sys.getswitchinterval() == pytest.approx(before, rel=0.1)


def look(turns: Turns, now: float, *shares: float) -> float:
    """Look at workers that have used such shares; return the interval afterwards."""
    turns.look([FakeWorker(share) for share in shares], now)
    return sys.getswitchinterval()


def test_short_while_long_views_compute(usual: float) -> None:
    """Half a millisecond while they use half of a CPU together, and for a second afterwards."""
    turns = Turns()
    with turns.managed():
        assert look(turns, 100.00, 0.0, 0.0) == pytest.approx(usual, rel=0.1)
        assert look(turns, 100.02, 0.3, 0.3) == pytest.approx(0.0005, rel=0.1)
        assert look(turns, 100.90, 0.0) == pytest.approx(0.0005, rel=0.1)
        assert look(turns, 101.10, 0.05) == pytest.approx(usual, rel=0.1)
        assert look(turns, 101.20, 1.0) == pytest.approx(0.0005, rel=0.1)
    assert repr(turns) == "<Turns not managed>"


def test_never_longer_than_before(usual: float) -> None:
    """Somebody who wants shorter turns has them."""
    turns = Turns()
    sys.setswitchinterval(0.0001)
    try:
        with turns.managed():
            assert look(turns, 100.0, 1.0) == pytest.approx(0.0001, rel=0.1)
    finally:
        sys.setswitchinterval(usual)


def test_left_alone_in_somebody_else_s_process(usual: float) -> None:
    """A pool in a program that has not asked for it changes nothing."""
    assert look(Turns(), 100.0, 1.0) == pytest.approx(usual, rel=0.1)


@needs_clocks
@pytest.mark.parametrize(("computes", "short"), [(True, True), (False, False)])
def test_of_a_pool(usual: float, computes: bool, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool finds out by itself which of its views compute, and which only wait."""
    # On a busy machine a view that computes all the time may not get half of a CPU in any two looks.
    monkeypatch.setattr(module, "_SHARE", 0.01)
    stop = threading.Event()

    def view(_: Any) -> None:
        while not stop.is_set():
            if computes:
                sum(range(1000))
            else:
                stop.wait(DEADLINE)

    async def main(pool: ThreadPool) -> None:
        pool.submit(view, None)
        looks = 0
        while looks < 20 and not (short and sys.getswitchinterval() < usual / 2):
            await asyncio.sleep(LOOK_SECONDS)  # how often the pool looks
            looks += not short
        assert (sys.getswitchinterval() < usual / 2) == short
        stop.set()

    pool = ThreadPool(1)
    with TURNS.managed():
        asyncio.run(asyncio.wait_for(main(pool), DEADLINE))
    assert pool.close(DEADLINE)


@needs_clocks
def test_share_of_a_worker() -> None:
    """What a worker has used of the CPU counts only in a job that the last look has seen already."""
    ready, release = threading.Event(), threading.Event()

    def work(worker: Worker) -> None:
        while time.thread_time() < 0.02:
            sum(range(1000))
        ready.set()
        release.wait(DEADLINE)

    worker = Worker(work, "worker")
    worker.thread.start()
    assert ready.wait(DEADLINE)

    job: Job = (copy_context(), print, None, None, 0.0, None)

    def share(job: Job | None, *, since: float = 99.0, looked: float = 99.96) -> float:
        worker.job, worker.since = job, since
        worker._look = (looked, 0.0, 99.0)
        return worker.cpu_share(100.0)

    assert share(None) == 0.0
    assert share(job) >= 0.5
    assert worker.cpu_share(100.02) < 0.5  # it has done nothing since
    assert share(job, since=99.97) == 0.0  # another job than the last look has seen
    assert share(job, looked=100.0) == 0.0  # no time has passed
    release.set()
    worker.thread.join(DEADLINE)
