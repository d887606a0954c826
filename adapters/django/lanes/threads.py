"""The threads on which the asgi lane runs synchronous code: few, and for each request always the same one.

asgiref starts a thread, and a pool for it, for every request that runs synchronous code, and ends them with
it: there is no bound to their number, nor to that of their database connections, and none of these is used a
second time. Here a request is given one of a fixed number of threads when it first needs one, and keeps it.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from hybrid.bridge import portal

logger = logging.getLogger("hybrid.django")

P = ParamSpec("P")
T = TypeVar("T")
_Job = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class _Thread:
    """One thread and what waits for it. That is bounded by the requests that share it: each waits for what it
    has given.

    Attributes:
        requests: how many requests it is the thread of.
    """

    def __init__(self, name: str, at_failure: Callable[[], object], at_end: Callable[[], object]) -> None:
        self.name = name
        self.requests = 0
        self._submitted = 0  # written by the loop
        self._completed = 0  # written by the thread
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._at_failure = at_failure
        self._at_end = at_end
        self._thread: threading.Thread | None = None

    @property
    def load(self) -> tuple[int, int]:
        """What makes another one the better choice: calls that are not done, then requests."""
        return self._submitted - self._completed, self.requests

    def put(self, job: _Job) -> None:
        """Run a call when those before it are done (loop)."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
            self._thread.start()
        self._submitted += 1
        self._jobs.put(job)

    def end(self) -> None:
        """Let the thread end when all calls are done."""
        self._jobs.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for its end; whether it has come."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        portal.enter(None)
        while (job := self._jobs.get()) is not None:
            if not _run(*job):
                self._close(self._at_failure)
            self._completed += 1
            del job  # an idle thread must not keep its last request alive
        self._close(self._at_end)

    def _close(self, close: Callable[[], object]) -> None:
        try:
            close()
        except Exception:
            logger.exception("%s: what was to be closed on this thread was not", self.name)


def _run(
    future: "Future[Any]", function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Run a call, and return whether it has ended without an error."""
    try:
        result = function(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        future.set_exception(error)
        return False
    future.set_result(result)
    return True


class StickyThreads:
    """A fixed number of threads, which start when they are needed.

    Args:
        count: how many.
        at_failure: is called on one of them after a call that has raised. The next call may be another
            request's, which must not find what is broken.
        at_end: is called on each of them at its end.
    """

    def __init__(self, count: int, at_failure: Callable[[], object], at_end: Callable[[], object]) -> None:
        self.count = count
        self._at_failure = at_failure
        self._at_end = at_end
        self._threads = self._make()

    def __repr__(self) -> str:
        return f"<StickyThreads {self.count}>"

    def _make(self) -> list[_Thread]:
        return [
            _Thread(f"asgi-{number}", self._at_failure, self._at_end) for number in range(1, self.count + 1)
        ]

    def choose(self) -> _Thread:
        """Return the thread that has least to do; the first of several, so that few are used (loop)."""
        return min(self._threads, key=_load_of)

    def close(self, timeout: float) -> bool:
        """End the threads when their calls are done; whether all have ended in time. Others take their place
        if they are needed again.
        """
        threads, self._threads = self._threads, self._make()
        for each in threads:
            each.end()
        deadline = monotonic() + timeout
        have_ended = [each.join(max(0.0, deadline - monotonic())) for each in threads]  # all are waited for
        return all(have_ended)


def _load_of(thread: _Thread) -> tuple[int, int]:
    return thread.load


class RequestThread(Executor):
    """The thread of one request: what asgiref's ``ThreadSensitiveContext`` is given."""

    def __init__(self, threads: StickyThreads) -> None:
        self._threads = threads
        self._thread: _Thread | None = None

    def __repr__(self) -> str:
        return f"<RequestThread {self._thread.name if self._thread else 'not needed yet'}>"

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a call on the thread of this request (loop).

        It is run in any case: whoever waits for it may be cancelled, but what it undoes must be undone.
        """
        thread = self._thread
        if thread is None:
            thread = self._thread = self._threads.choose()
            thread.requests += 1
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        thread.put((future, fn, args, kwargs))
        return future

    def release(self) -> None:
        """The request is over (loop)."""
        if self._thread is not None:
            self._thread.requests -= 1
