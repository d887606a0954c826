"""The threads that WSGI applications run on.

Threads that hold the GIL in turn gain nothing from one another and make the event loop wait, so one worker
takes job after job, and another one is woken only when the running ones *wait* for something: see
:mod:`hybrid.bridge.wsgi.admission`. ``docs/design.md`` has the measurements.
"""

import logging
import time
from asyncio import AbstractEventLoop, get_running_loop
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from itertools import repeat
from threading import get_ident
from typing import Any

from hybrid.bridge.errors import PoolFull
from hybrid.bridge.histogram import Histogram, bucket_of
from hybrid.bridge.wsgi.admission import Admission
from hybrid.bridge.wsgi.jobs import Job, Overseer, Withdrawals
from hybrid.bridge.wsgi.lull import Lull
from hybrid.bridge.wsgi.oversight import Oversight, Patience
from hybrid.bridge.wsgi.pool_stats import PoolStats
from hybrid.bridge.wsgi.turns import LOOK_SECONDS, TURNS
from hybrid.bridge.wsgi.worker import NOTICED, Worker

logger = logging.getLogger("hybrid.wsgi")

#: How often a reading is taken again because a worker took or finished a job meanwhile.
_READINGS = 10


class ThreadPool:
    """Runs functions on a bounded number of threads, fed by a bounded queue, without starving the event loop.

    Threads start when they are first needed and live until :meth:`close`, so that what applications keep in
    ``threading.local``, such as database connections, lives on.

    Args:
        threads: the most threads there will be.
        queue: the most jobs that wait while all threads are busy; one more is refused with :class:`PoolFull`.
        name: what the threads are called.
        patience: how long jobs may wait and run.

    Attributes:
        at_thread_end: called on each thread before it ends, to close what applications keep for it.
        lull: tells when few jobs are left.
    """

    def __init__(
        self, threads: int = 16, *, queue: int = 1024, name: str = "wsgi", patience: Patience | None = None
    ) -> None:
        if threads < 1:
            raise ValueError(f"a pool needs at least one thread, not {threads}")
        self.threads = threads
        self.queue = queue
        self.name = name
        self.patience = patience or Patience()
        self.at_thread_end: list[Callable[[], object]] = []
        self._jobs: deque[Job] = deque()
        self._withdrawals = Withdrawals(self._jobs)
        self.lull = Lull(self._jobs)
        #: Sleeping workers; last asleep, first woken.
        self._idle: list[Worker] = []
        self._workers: list[Worker] = []
        self._stuck: list[Worker] = []
        self._closing = False
        self._latest: tuple[AbstractEventLoop | None, int] = None, 0  # loop of the last job, and its thread
        self._flushing: AbstractEventLoop | None = None  # the loop that is about to; it may have stopped
        #: One for each worker that is to rest after its job though others wait: the CPU is in use.
        self._rests: list[None] = []
        self._admission = Admission(self._jobs, self._wake_one, self._rest_one)
        self._oversight = Oversight(self.patience.step, self._look_for_late_jobs)
        self._turns = Oversight(LOOK_SECONDS, self._look_for_long_jobs)
        self._started = 0  # threads that there have been
        self._completed = 0  # by threads that have ended
        self._waits = Histogram()  # of theirs
        self._highest_queue = 0
        self._refused = 0

    def __repr__(self) -> str:
        return f"<ThreadPool {self.name!r} threads={self.threads} busy={self.busy} queued={self.queued}>"

    # Any thread.

    @property
    def busy(self) -> int:
        """Workers that are awake."""
        return len(self._workers) - len(self._idle)

    @property
    def closing(self) -> bool:
        """Whether :meth:`close` was called: no job will be taken any more."""
        return self._closing

    @property
    def queued(self) -> int:
        """Jobs that no worker has taken yet."""
        return len(self._jobs)

    @property
    def exhausted(self) -> bool:
        """Whether so many threads are stuck that the process should be replaced."""
        return len(self._stuck) >= self.patience.stuck

    @property
    def most_stuck(self) -> int:
        """The most threads that there are beside :attr:`threads`: written off, while their jobs still run."""
        return self.patience.stuck if self.patience.run else 0

    @property
    def _most(self) -> int:
        """The most workers that there may be now: no others take the place of those written off when the
        pool was exhausted already, so that what threads have, such as database connections, has a bound.
        """
        return self.threads - max(0, len(self._stuck) - self.patience.stuck)

    def stats(self) -> PoolStats:
        """Take one consistent reading: all over again when a worker took or finished a job meanwhile."""
        reading = self._read()
        for _ in range(_READINGS):
            before, reading = reading, self._read()
            if reading == before:
                break
        workers, jobs, queued, completed = reading
        now = time.monotonic()
        return PoolStats(
            threads=self.threads,
            busy=sum(job is not None for job in jobs),
            blocked=sum(map(Worker.blocked, workers, jobs, repeat(now))),
            queued=queued,
            highest_queue=self._highest_queue,
            oldest_wait=now - queued_at if (queued_at := self._next_queued_at()) else 0.0,
            completed=completed,
            refused=self._refused,
            stuck=len(self._stuck),
        )

    def waits(self) -> Histogram:
        """Return how long the jobs that are done, or being done, have waited for a thread; the first bucket
        has those that have not, by a millisecond.
        """
        workers = (*self._workers, *self._stuck)
        waits = sum((Histogram.of(worker.waits) for worker in workers), self._waits)
        begun = self._completed + sum(worker.completed + (worker.job is not None) for worker in workers)
        return waits + Histogram({0: max(0, begun - waits.count)} if begun > waits.count else {})

    def _read(self) -> tuple[list[Worker], list[Job | None], int, int]:
        """Return the workers, what each of them does, and how many jobs are queued and done."""
        workers = self._workers.copy()
        completed = self._completed + sum(worker.completed for worker in (*workers, *self._stuck))
        return workers, [worker.job for worker in workers], len(self._jobs), completed

    # The loop's half: these run on the thread of an event loop and never wait.

    def submit(
        self, function: Callable[[Any], object], argument: Any, overseer: Overseer | None = None
    ) -> None:
        """Queue ``function(argument)`` for a worker, to run in a copy of the current context.

        The function should not raise: nobody but the log would see it. Without an overseer a job may wait
        and run for as long as it likes.

        Raises:
            PoolFull: the queue is full, or the pool is closing.
        """
        jobs = self._jobs
        queued = len(jobs)
        if queued >= self.queue or self._closing:
            self._check_room(queued)
        loop, thread = self._latest
        if loop is None or thread != get_ident() or not loop.is_running():
            loop = self._note_loop()
        if queued >= self._highest_queue:
            self._highest_queue = queued + 1  # first: no reading may find more jobs than that
        jobs.append((copy_context(), function, argument, overseer, time.monotonic(), loop))
        flushing = self._flushing
        if flushing is not loop and (flushing is None or not flushing.is_running()):
            # Once per turn of the loop: what one turn parsed is woken for together.
            self._flushing = loop
            loop.call_soon(self._gather, loop)

    def note_gone(self) -> None:
        """Nobody waits any more for a job that may be queued: its overseer knows which.

        Such jobs leave the queue in time, and are not in the way of others: looking for them costs each of
        them no more than a few others.
        """
        if self._withdrawals.note_gone():
            self._drop_gone()

    def _drop_gone(self) -> None:
        self._withdrawals.drop_gone()
        self._flush()  # a worker may have found the queue empty, and gone to sleep

    def _note_loop(self) -> AbstractEventLoop:
        """Ask for the loop of this thread. That costs a system call, and so is not done for every job."""
        loop = get_running_loop()
        self._latest = loop, get_ident()
        return loop

    def _check_room(self, queued: int) -> None:
        """Raise when nothing more can be taken; a job for which a thread is free does not have to wait."""
        if self._closing:
            self._refused += 1
            raise PoolFull(f"thread pool {self.name!r} is closing")
        if self._withdrawals.has_gone:
            self._drop_gone()
            queued = len(self._jobs)
        if queued - (self._most - sum(worker.job is not None for worker in self._workers)) >= self.queue:
            self._refused += 1
            raise PoolFull(f"thread pool {self.name!r}: {queued} jobs are waiting already")

    def _gather(self, loop: AbstractEventLoop) -> None:
        """Give the loop one more turn before anybody is woken.

        It may have waited for the GIL since it last asked for events, and read no more than there were then.
        """
        loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = None
        if not self._jobs:
            return
        if self.busy == 0:
            self._wake_one()
        self._admission.start(self.threads)
        self._oversight.start()
        if TURNS.are_managed:
            self._turns.start()

    def _rest_one(self) -> None:
        if self.busy > 1 + len(self._rests):
            self._rests.append(None)

    def _wake_one(self) -> None:
        self._rests.clear()
        if not self._wake_sleeper() and len(self._workers) < self._most:
            self._start_worker()

    def _wake_sleeper(self) -> bool:
        try:
            self._idle.pop().wake.release()
        except IndexError:
            return False
        return True

    def _start_worker(self) -> None:
        worker = Worker(self._work, f"{self.name}-{self._started + 1}")
        try:
            worker.thread.start()
        except RuntimeError:
            if not self._workers:
                raise
            self.threads = len(self._workers)
            logger.error("thread pool %r: the system gives no more than %d threads", self.name, self.threads)
        else:
            self._started += 1
            self._workers.append(worker)

    def _look_for_late_jobs(self, now: float) -> bool:
        """Drop jobs that have waited too long, write off threads that have; whether to look again."""
        if limit := self.patience.queue:
            while late := self._withdrawals.take_late(now - limit):
                overseer, argument = late
                self._refused += 1
                overseer.waited_too_long(argument)
        if limit := self.patience.run:
            for worker in tuple(self._workers):
                if worker.overdue(now, limit):
                    self._write_off(worker)
        return bool(self._jobs or self.busy)

    def _next_queued_at(self) -> float | None:
        try:
            return self._jobs[0][4]
        except IndexError:
            return None

    def _look_for_long_jobs(self, now: float) -> bool:
        """Let the loop have its turns sooner while views compute; whether to look again."""
        TURNS.look(self._workers, now)
        return bool(self._jobs or self.busy)

    def _write_off(self, worker: Worker) -> None:
        """Go on without a thread that may never come back."""
        job = worker.job
        if job is None or job[3] is None or worker not in self._workers:
            return  # it has come back
        worker.written_off = True
        self._workers.remove(worker)
        self._stuck.append(worker)
        name, stuck = worker.thread.name, len(self._stuck)
        logger.error(
            "%s is stuck and has been written off, %d so far; it is at\n%s", name, stuck, worker.stack()
        )
        if self.exhausted:
            logger.critical("thread pool %r: %d threads are stuck: replace this process", self.name, stuck)
        job[3].ran_too_long(job[2])
        if self._jobs:
            self._wake_one()

    # Any thread.

    def close(self, timeout: float | None = None) -> bool:
        """Refuse new jobs, let the queued ones finish, and end the threads.

        Args:
            timeout: seconds to wait for them, for ever when None.

        Returns:
            Whether all threads have ended; the others are daemons and are left behind, as are those that were
            written off, which do not count.
        """
        self._closing = True
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._jobs and not self._workers and self._most > 0:
            self._start_worker()  # the loop has not come to it yet
        while self._wake_sleeper():
            pass
        threads = [worker.thread for worker in tuple(self._workers)]
        for thread in threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    # The workers' half.

    def _work(self, worker: Worker) -> None:
        """Be a thread of the pool, from its beginning to its end."""
        try:
            self._take_jobs(worker)
        finally:
            for leave in self.at_thread_end:
                try:
                    leave()
                except Exception:
                    logger.exception("thread pool %r: a thread could not be tidied up", self.name)
            if worker.written_off:
                self._forget(worker)

    def _take_jobs(self, worker: Worker) -> None:
        """Take job after job; sleep when there is none."""
        from hybrid.bridge import portal  # asgiref takes milliseconds to import: not for who serves no WSGI

        portal.enter(None)
        here = portal.here
        jobs, lull = self._jobs, self.lull
        while True:
            # First: the loop must not see a new job with the time of an old one.
            worker.since = time.monotonic()
            try:
                worker.job = job = jobs.popleft()
            except IndexError:
                if self._closing:
                    return
                self._sleep(worker)
                continue
            waited = worker.since - job[4]
            if waited > NOTICED:
                worker.waits[bucket_of(waited)] += 1
            # Asked each time: an application can run a loop of its own, and asgiref then notes that one.
            if here.main_event_loop is not job[5]:
                portal.enter(job[5])
            try:
                job[0].run(job[1], job[2])
            except BaseException:  # it must not end the worker
                logger.exception("thread pool %r: a job failed", self.name)
            worker.job = None
            del job  # a sleeping worker must not keep its last request alive
            worker.completed += 1
            if lull.listeners and lull.has_come:
                lull.tell()
            if worker.written_off:
                seconds = time.monotonic() - worker.since
                logger.warning("%s has come back after %.1f s, and ends", worker.thread.name, seconds)
                return
            if self._rests:
                self._rest(worker)

    def _rest(self, worker: Worker) -> None:
        """Sleep until woken, although jobs wait, if that is still wanted and another worker is awake.

        That one will not sleep as long as there are jobs: the loop has asked for one less than were awake.
        """
        try:
            self._rests.pop()
        except IndexError:  # another worker rests instead
            return
        if self.busy > 1:
            self._sleep(worker, leave_jobs=True)

    def _sleep(self, worker: Worker, *, leave_jobs: bool = False) -> None:
        """Sleep until woken, unless a job came in between that is not left to others.

        First into the list, then another look: a job queued before that look is seen here, one queued after
        it finds this worker in the list. Whoever takes the worker out of the list owes it a release.
        """
        self._idle.append(worker)
        if (self._jobs and not leave_jobs) or self._closing:
            try:
                self._idle.remove(worker)
            except ValueError:
                pass  # being woken already: consume that
            else:
                return
        worker.wake.acquire()

    def _forget(self, worker: Worker) -> None:
        """Count a thread as gone that was written off, and has nothing any more: its place has been taken."""
        self._stuck.remove(worker)
        self._completed += worker.completed
        self._waits += Histogram.of(worker.waits)
