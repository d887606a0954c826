"""One thread of a pool: what it does now, since when, and whether it uses the CPU for it."""

import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

from hybrid.bridge.histogram import SIZE
from hybrid.bridge.wsgi.jobs import Job

#: A thread that uses less than this share of a CPU waits for something else than its turn with the GIL.
_BLOCKED_SHARE = 0.01
#: Seconds from which on a job has waited.
NOTICED: Final = 0.001
#: Seconds of a thread's time that must be looked at to tell.
_BLOCKED_SECONDS = 0.05


class Worker:
    """One thread of a pool.

    Attributes:
        thread: the thread.
        wake: held while the worker sleeps or works; whoever releases it wakes the worker.
        job: what it is doing; None while it does nothing.
        since: when it began that, by :func:`time.monotonic`.
        completed: jobs that it has done.
        waits: how many of its jobs have waited how long for a thread, by the buckets of
            :mod:`hybrid.bridge.histogram`; the others have not waited for :data:`NOTICED`.
        written_off: whether the pool goes on without it; it ends when its job does.
    """

    __slots__ = (
        "_blocked",
        "_look",
        "_reading",
        "completed",
        "job",
        "since",
        "thread",
        "waits",
        "wake",
        "written_off",
    )

    def __init__(self, work: Callable[["Worker"], None], name: str) -> None:
        self.wake = threading.Lock()
        self.wake.acquire()
        self.job: Job | None = None
        self.since = 0.0
        self.completed = 0
        self.waits = [0] * SIZE
        self.written_off = False
        self._reading = (0.0, 0.0)  # wall and CPU time when last asked whether it is blocked
        #: The same, and when its job had begun, when last asked for its share. Not the job itself: an idle
        #: worker must not keep its last request alive.
        self._look = (0.0, 0.0, 0.0)
        self._blocked: Job | None = None  # that did not use the CPU then
        self.thread = threading.Thread(target=work, args=(self,), name=name, daemon=True)

    def __repr__(self) -> str:
        state = "written off" if self.written_off else "busy" if self.job else "idle"
        return f"<Worker {self.thread.name} {state}, {self.completed} done>"

    def overdue(self, now: float, limit: float) -> bool:
        """Whether the job has shown no progress for ``limit`` seconds (loop)."""
        job = self.job
        if job is None or job[3] is None or now - self.since < limit:
            return False
        return now - max(self.since, job[3].last_progress(job[2])) >= limit

    def cpu_share(self, now: float) -> float:
        """Return the share of a CPU that the worker has used since this was asked before, in the job that it
        was in then; 0 in another one (loop).

        How long it has been in that job says little: it may have waited for the GIL for most of the time.
        """
        since, cpu = self.since, self._cpu_time()
        last_wall, last_cpu, last_since = self._look
        if cpu is None or now <= last_wall:
            return 0.0
        self._look = now, cpu, since
        same = self.job is not None and since == last_since
        return (cpu - last_cpu) / (now - last_wall) if same else 0.0

    def blocked(self, job: Job | None, now: float) -> bool:
        """Whether the worker waits in that job, as far as the CPU time of its thread tells.

        What counts is the time since its job began, or since it was last asked, whichever is later. Where
        threads have no clock of their own it never waits.
        """
        last_wall, last_cpu = self._reading
        begun = max(self.since, last_wall)
        if now - begun >= _BLOCKED_SECONDS and (cpu := self._cpu_time()) is not None:
            self._reading = now, cpu
            self._blocked = job if cpu - last_cpu < _BLOCKED_SHARE * (now - begun) else None
        return job is not None and job is self._blocked

    def stack(self) -> str:
        """Return where the thread is in its code, innermost call last."""
        # A documented function, for all its name.
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        frame = frames.get(self.thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame is not None else "(the thread has ended)\n"

    def _cpu_time(self) -> float | None:
        """Return the CPU time of the thread in seconds, None when it is not known."""
        ident = self.thread.ident
        if ident is None or not self.thread.is_alive() or not hasattr(time, "pthread_getcpuclockid"):
            return None
        return time.clock_gettime(time.pthread_getcpuclockid(ident))
