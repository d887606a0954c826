"""The threads that WebSockets of WSGI applications run on: one for each, for as long as it lives."""

import logging
import threading
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any

from hybrid.bridge.errors import PoolFull

logger = logging.getLogger("hybrid.wsgi")

Job = tuple[Context, Callable[[Any], object], Any]


class SocketThreads:
    """Runs functions that last for hours, each on a thread of its own, up to a bound.

    A :class:`~hybrid.bridge.wsgi.threadpool.ThreadPool` is for jobs that end: it queues, and wakes few. Here
    nothing is queued, since whoever waited behind a WebSocket would wait for hours, and a job starts at once
    whatever the CPU does, since it spends its life waiting.

    Args:
        threads: the most threads there will be; they start when they are needed, are used again, and live
            until :meth:`close`.
        name: what the threads are called.
    """

    def __init__(self, threads: int = 100, *, name: str = "websocket") -> None:
        if threads < 1:
            raise ValueError(f"WebSockets need at least one thread, not {threads}")
        self.threads = threads
        self.name = name
        #: Where each worker that has nothing to do looks for its next job; None ends it.
        self._idle: list[SimpleQueue[Job | None]] = []
        self._workers: list[threading.Thread] = []
        self._closing = False

    def __repr__(self) -> str:
        return f"<SocketThreads {self.name!r} threads={self.threads} busy={self.busy}>"

    @property
    def busy(self) -> int:
        """Threads that have a job. Any thread."""
        return len(self._workers) - len(self._idle)

    def submit(self, function: Callable[[Any], object], argument: Any) -> None:
        """Start ``function(argument)`` on a thread, in a copy of the current context (loop).

        The function should not raise: nobody but the log would see it.

        Raises:
            PoolFull: every thread is taken, the system gives no more, or they are closing.
        """
        if self._closing:
            raise PoolFull(f"{self.name!r} threads are closing")
        job = copy_context(), function, argument
        try:
            self._idle.pop().put(job)
        except IndexError:
            self._start_worker(job)

    def _start_worker(self, job: Job) -> None:
        number = len(self._workers) + 1
        if number > self.threads:
            raise PoolFull(f"all {self.threads} {self.name!r} threads are taken")
        jobs: SimpleQueue[Job | None] = SimpleQueue()
        jobs.put(job)
        worker = threading.Thread(
            target=self._work, args=(jobs,), name=f"{self.name}-{number}", daemon=True
        )  # a daemon, and so are the threads that it starts: none keeps a process that has stopped
        try:
            worker.start()
        except RuntimeError as error:
            raise PoolFull(f"the system gives no more than {number - 1} {self.name!r} threads") from error
        self._workers.append(worker)

    def close(self, timeout: float | None = None) -> bool:
        """Refuse new jobs, and end the threads that have none. Any thread.

        Args:
            timeout: seconds to wait for the others, for ever when None.

        Returns:
            Whether all threads have ended; the others are daemons and are left behind.
        """
        self._closing = True
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._idle:
            self._idle.pop().put(None)
        for worker in self._workers:
            worker.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    def _work(self, jobs: "SimpleQueue[Job | None]") -> None:
        """Run one job after the other (worker)."""
        while (job := jobs.get()) is not None:
            context, function, argument = job
            try:
                context.run(function, argument)
            except BaseException:  # it must not end the worker
                logger.exception("a job of the %r threads failed", self.name)
            del job, context, function, argument  # an idle worker must not keep its last socket alive
            self._idle.append(jobs)
            if self._closing:  # after it was put there: close() takes it out, or it is seen here
                return
