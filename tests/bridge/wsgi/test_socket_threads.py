"""The threads of WebSockets: one for each at once, none beyond the bound, and used again."""

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pytest

from hybrid.bridge.errors import PoolFull
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from tests.support.embedded import until

DEADLINE = 20.0

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


@contextmanager
def threads_of(number: int) -> Iterator[SocketThreads]:
    """Make threads that end with the block."""
    threads = SocketThreads(number)
    yield threads
    assert threads.close(DEADLINE)


class Held:
    """A job that goes on until it is released.

    Attributes:
        thread: what it runs on.
    """

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self._begun = threading.Event()
        self._release = threading.Event()

    def __call__(self, argument: object) -> None:
        """Run (worker)."""
        self.thread = threading.current_thread()
        self._begun.set()
        assert self._release.wait(DEADLINE)

    def begun(self) -> str:
        """Wait until it runs, and return the name of its thread."""
        assert self._begun.wait(DEADLINE)
        assert self.thread is not None
        return self.thread.name

    def release(self) -> None:
        """Let it end."""
        self._release.set()


def wait(condition: Callable[[], object]) -> None:
    """Return once a condition holds."""
    asyncio.run(until(condition))


def test_each_job_has_a_thread_of_its_own() -> None:
    """All run at once, each on a daemon that is called after what it is for."""
    jobs = [Held() for _ in range(5)]
    with threads_of(5) as threads:
        for job in jobs:
            threads.submit(job, None)
        assert {job.begun() for job in jobs} == {f"websocket-{number}" for number in range(1, 6)}
        assert all(job.thread is not None and job.thread.daemon for job in jobs)
        assert threads.busy == 5
        for job in jobs:
            job.release()
        wait(lambda: threads.busy == 0)


def test_one_too_many_is_refused() -> None:
    """At once, and taken when another one has ended, on its thread."""
    first, second = Held(), Held()
    with threads_of(1) as threads:
        threads.submit(first, None)
        name = first.begun()
        with pytest.raises(PoolFull, match="all 1 'websocket' threads are taken"):
            threads.submit(second, None)
        first.release()
        wait(lambda: threads.busy == 0)
        threads.submit(second, None)
        assert second.begun() == name
        assert second.thread is first.thread
        second.release()


def test_context() -> None:
    """A job sees the context variables of whoever submitted it, and leaves none to the next one."""
    seen: list[str] = []

    def job(value: str) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set(value)

    with threads_of(1) as threads:
        token = VARIABLE.set("of the loop")
        threads.submit(job, "of the job")
        VARIABLE.reset(token)
        wait(lambda: len(seen) == 1 and threads.busy == 0)
        threads.submit(job, "")
        wait(lambda: len(seen) == 2)
    assert seen == ["of the loop", "unset"]


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_job_that_raises(caplog: pytest.LogCaptureFixture, error: type[BaseException]) -> None:
    """It is logged, and the thread takes the next one."""
    done = threading.Event()

    def fail(argument: object) -> None:
        raise error

    with threads_of(1) as threads:
        threads.submit(fail, None)
        wait(lambda: threads.busy == 0)
        threads.submit(lambda _: done.set(), None)
        assert done.wait(DEADLINE)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "a job of the 'websocket' threads failed")


def test_idle_thread_keeps_nothing() -> None:
    """What a job was given is free when it has ended, though its thread waits for the next one."""

    class Argument:
        """Something to be freed."""

    argument = Argument()
    kept = weakref.ref(argument)
    with threads_of(1) as threads:
        threads.submit(lambda _: None, argument)
        del argument
        wait(lambda: threads.busy == 0)
        gc.collect()
        assert kept() is None


def test_close() -> None:
    """Idle threads end at once; one with a job ends after it, if there is time; new jobs are refused."""
    threads = SocketThreads(2)
    job = Held()
    threads.submit(job, None)
    threads.submit(lambda _: None, None)
    wait(lambda: threads.busy == 1)
    job.begun()
    assert not threads.close(0.01)
    with pytest.raises(PoolFull, match="closing"):
        threads.submit(job, None)
    job.release()
    assert threads.close(DEADLINE)


def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system gives no more, it is as if all were taken, and may be better later."""

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    done = threading.Event()
    with threads_of(2) as threads:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            with pytest.raises(PoolFull, match="no more than 0 'websocket' threads"):
                threads.submit(lambda _: done.set(), None)
        assert threads.busy == 0
        threads.submit(lambda _: done.set(), None)
        assert done.wait(DEADLINE)


def test_no_threads() -> None:
    """None at all are not asked for in this way."""
    with pytest.raises(ValueError, match="at least one thread"):
        SocketThreads(0)


def test_repr() -> None:
    """It tells how many are taken."""
    assert repr(SocketThreads(3)) == "<SocketThreads 'websocket' threads=3 busy=0>"
