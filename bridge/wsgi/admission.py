"""When a further worker of a pool is woken, only when it would help, and when one may rest.

Everything here runs on the loop.
"""

import time
from asyncio import AbstractEventLoop, get_running_loop
from collections import deque
from collections.abc import Callable

from hybrid.bridge.wsgi.jobs import Job

#: Seconds between two looks at whether the running workers use the CPU or wait. A look takes the GIL from a
#: worker that uses it, so that as long as they do the distance doubles, up to the longest. That is short, for
#: where some views compute and others wait, all of it passes with an idle CPU when the only worker begins to.
_LOOK_SECONDS = 0.001
_LONGEST_LOOK_SECONDS = 0.004
#: Seconds after which a look says nothing about now.
_STALE_SECONDS = 0.04
#: Share of one CPU above which the process counts as busy: another thread would only add switches.
_BUSY_SHARE = 0.7
#: Seconds after which the next job gets another thread although the CPU is busy: others may be using it.
_STUCK_SECONDS = 0.1


class Admission:
    """Looks at the queue while jobs wait in it, and wakes workers while those that run leave the CPU idle.

    Args:
        jobs: the queue.
        wake_one: wakes a sleeping worker, or starts one, if there may be more.
        rest_one: lets a worker rest when it has done its job, if another one stays awake.
    """

    def __init__(
        self, jobs: deque[Job], wake_one: Callable[[], object], rest_one: Callable[[], object]
    ) -> None:
        self._jobs = jobs
        self._wake_one = wake_one
        self._rest_one = rest_one
        # Loops come and go, and one that has stopped calls nothing back.
        self._loop: AbstractEventLoop | None = None  # the one that looks
        self._step = 1
        self._distance = _LOOK_SECONDS
        self._last_look = (0.0, 0.0)  # wall and CPU time
        self._next_job: Job | None = None  # at the last look
        self._next_since = 0.0

    def __repr__(self) -> str:
        return f"<Admission {'looking' if self._loop else 'at rest'} step={self._step}>"

    def start(self, threads: int) -> None:
        """Look at the queue from now on until it is empty; ``threads`` are the most there may be."""
        if self._loop is None or not self._loop.is_running():
            self._loop = get_running_loop()
            self._step = 1
            self._distance = _LOOK_SECONDS
            self._last_look = time.monotonic(), time.process_time()
            self._loop.call_later(_LOOK_SECONDS, self.look, threads)

    def look(self, threads: int) -> None:
        """Wake more workers, as long as jobs wait and the running ones leave the CPU idle, and let one rest
        when they do not; and wake one whenever the next job has waited for long, whatever the CPU does.
        """
        loop = get_running_loop()
        if self._loop is not loop:
            return
        if not self._jobs:
            self._loop = self._next_job = None
            return
        wall, cpu = time.monotonic(), time.process_time()
        self._wake_when_stuck(wall)
        last_wall, last_cpu = self._last_look
        self._last_look = wall, cpu
        if 0 < wall - last_wall <= _STALE_SECONDS:
            self._judge((cpu - last_cpu) / (wall - last_wall), threads)
        loop.call_later(self._distance, self.look, threads)

    def _judge(self, share: float, threads: int) -> None:
        """Draw the consequences from the share of one CPU that the process has used since the last look."""
        if share < _BUSY_SHARE:
            for _ in range(self._step):
                self._wake_one()
            self._step = min(2 * self._step, threads)
            self._distance = _LOOK_SECONDS
        else:
            self._rest_one()
            self._step = 1
            self._distance = min(2 * self._distance, _LONGEST_LOOK_SECONDS)

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
