"""The threads that WSGI applications run on, and how many of them are awake.

Threads that hold the GIL in turn gain nothing from one another and make the event loop wait, so one worker
takes job after job, and another one is woken only when the running ones *wait* for something, that is when
the process leaves its CPU idle although jobs are queued. ``docs/design.md`` has the measurements.
"""

import logging
import threading
import time
from asyncio import AbstractEventLoop, get_running_loop
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from hybrid.bridge.errors import PoolFull

logger = logging.getLogger("hybrid.wsgi")

#: Seconds between two looks at whether the running workers use the CPU or wait.
_LOOK_SECONDS = 0.001
#: Share of one CPU above which the process counts as busy: another thread would only add switches.
_BUSY_SHARE = 0.7
#: Seconds after which the next job gets another thread although the CPU is busy: others may be using it.
_STUCK_SECONDS = 0.1

Job = tuple[Context, Callable[[Any], object], Any]


class ThreadPool:
    """Runs functions on a bounded number of threads, fed by a bounded queue, without starving the event loop.

    Args:
        threads: the most threads there will be; they start when they are first needed and live until
            :meth:`close`.
        queue: the most jobs that wait; one more is refused with :class:`PoolFull`.
        name: what the threads are called.
    """

    def __init__(self, threads: int = 16, *, queue: int = 1024, name: str = "wsgi") -> None:
        if threads < 1:
            raise ValueError(f"a pool needs at least one thread, not {threads}")
        self.threads = threads
        self.queue = queue
        self.name = name
        self._jobs: deque[Job] = deque()
        #: The wake-up lock of each sleeping worker, held; last asleep, first woken.
        self._idle: list[threading.Lock] = []
        self._workers: list[threading.Thread] = []
        self._closing = False
        # Loops come and go, and one that has stopped calls nothing back.
        self._flushing: AbstractEventLoop | None = None  # the loop that is about to flush
        self._watching: AbstractEventLoop | None = None  # the loop that looks
        self._wake_step = 1
        self._last_look = (0.0, 0.0)  # wall and CPU time
        self._next_job: Job | None = None  # at the last look
        self._next_since = 0.0

    def __repr__(self) -> str:
        return f"<ThreadPool {self.name!r} threads={self.threads} busy={self.busy} queued={self.queued}>"

    @property
    def busy(self) -> int:
        """Workers that are awake. Any thread."""
        return len(self._workers) - len(self._idle)

    @property
    def queued(self) -> int:
        """Jobs that no worker has taken yet. Any thread."""
        return len(self._jobs)

    # The loop's half: these run on the thread of an event loop and never wait.

    def submit(self, function: Callable[[Any], object], argument: Any) -> None:
        """Queue ``function(argument)`` for a worker, to run in a copy of the current context.

        The function should not raise: nobody but the log would see it.

        Raises:
            PoolFull: the queue is full, or the pool is closing.
        """
        if len(self._jobs) >= self.queue:
            raise PoolFull(f"thread pool {self.name!r}: {len(self._jobs)} jobs are waiting already")
        if self._closing:
            raise PoolFull(f"thread pool {self.name!r} is closing")
        self._jobs.append((copy_context(), function, argument))
        if self._flushing is None or not self._flushing.is_running():
            # Once per turn of the loop: what one turn parsed is woken for together.
            self._flushing = get_running_loop()
            self._flushing.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = None
        if not self._jobs:
            return
        if self.busy == 0:
            self._wake_one()
        if self._watching is None or not self._watching.is_running():
            self._watching = get_running_loop()
            self._wake_step = 1
            self._look()

    def _look(self) -> None:
        """Wake more workers, in doubling steps, as long as jobs wait and the running ones leave the CPU
        idle; and one more whenever the next job has waited for long, whatever the CPU does.
        """
        loop = get_running_loop()
        if self._watching is not loop:
            return
        if not self._jobs:
            self._watching = self._next_job = None
            return
        loop.call_later(_LOOK_SECONDS, self._look)
        wall, cpu = time.monotonic(), time.process_time()
        self._wake_when_stuck(wall)
        last_wall, last_cpu = self._last_look
        self._last_look = wall, cpu
        if wall - last_wall <= 10 * _LOOK_SECONDS:  # an older look says nothing about now
            if cpu - last_cpu < _BUSY_SHARE * (wall - last_wall):
                for _ in range(self._wake_step):
                    self._wake_one()
                self._wake_step = min(2 * self._wake_step, self.threads)
            else:
                self._wake_step = 1

    def _wake_when_stuck(self, now: float) -> None:
        """Let no job wait behind a few long ones that use the CPU, or while the loop does."""
        try:
            job = self._jobs[0]
        except IndexError:  # a worker has taken it since
            return
        if job is not self._next_job:
            self._next_job = job
            self._next_since = now
        elif now - self._next_since > _STUCK_SECONDS:
            self._next_since = now
            self._wake_one()

    def _wake_one(self) -> None:
        if not self._wake_sleeper() and len(self._workers) < self.threads:
            self._start_worker()

    def _wake_sleeper(self) -> bool:
        try:
            self._idle.pop().release()
        except IndexError:
            return False
        return True

    def _start_worker(self) -> None:
        wake = threading.Lock()
        wake.acquire()
        name = f"{self.name}-{len(self._workers) + 1}"
        worker = threading.Thread(target=self._work, args=(wake,), name=name, daemon=True)
        try:
            worker.start()
        except RuntimeError:
            if not self._workers:
                raise
            self.threads = len(self._workers)
            logger.error("thread pool %r: the system gives no more than %d threads", self.name, self.threads)
        else:
            self._workers.append(worker)

    # Any thread.

    def close(self, timeout: float | None = None) -> bool:
        """Refuse new jobs, let the queued ones finish, and end the threads.

        Args:
            timeout: seconds to wait for them, for ever when None.

        Returns:
            Whether all threads have ended; the others are daemons and are left behind.
        """
        self._closing = True
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._jobs and not self._workers:
            self._start_worker()  # the loop has not come to it yet
        while self._wake_sleeper():
            pass
        for worker in self._workers:
            worker.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    # The workers' half.

    def _work(self, wake: threading.Lock) -> None:
        """Take job after job; sleep when there is none."""
        jobs = self._jobs
        while True:
            try:
                context, function, argument = jobs.popleft()
            except IndexError:
                if self._closing:
                    return
                self._sleep(wake)
            else:
                try:
                    context.run(function, argument)
                except BaseException:  # it must not end the worker
                    logger.exception("thread pool %r: a job failed", self.name)
                del context, function, argument  # a sleeping worker must not keep its last request alive

    def _sleep(self, wake: threading.Lock) -> None:
        """Sleep until woken, unless a job came in between.

        First into the list, then another look: a job queued before that look is seen here, one queued after
        it finds this worker in the list. Whoever takes the worker out of the list owes it a release.
        """
        self._idle.append(wake)
        if self._jobs or self._closing:
            try:
                self._idle.remove(wake)
            except ValueError:
                pass  # being woken already: consume that
            else:
                return
        wake.acquire()
