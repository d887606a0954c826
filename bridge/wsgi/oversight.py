"""What becomes of jobs that wait or run for too long.

Everything here runs on the loop.
"""

import logging
import time
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable
from typing import NamedTuple

logger = logging.getLogger("hybrid.wsgi")

#: Seconds between two looks, at most; for shorter limits there are this many looks in one.
_STEP = 1.0
_STEPS_PER_LIMIT = 8


class Patience(NamedTuple):
    """How long a pool lets jobs wait and run, in seconds; 0 is for ever.

    Attributes:
        queue: in the queue; then the job is dropped, and its overseer told.
        run: without progress; then the thread is written off and replaced, and the overseer told.
        stuck: threads written off whose jobs still run, from which on the process should be replaced.
    """

    queue: float = 30.0
    run: float = 0.0
    stuck: int = 10

    @property
    def step(self) -> float:
        """Seconds between two looks; 0 when there is nothing to look for."""
        limits = [limit for limit in (self.queue, self.run) if limit]
        return min(_STEP, min(limits) / _STEPS_PER_LIMIT) if limits else 0.0


class Oversight:
    """Calls a function every so often for as long as there is something to look at.

    Args:
        step: seconds between two calls; 0 for none at all.
        look: is given the time, by :func:`time.monotonic`, and returns whether to look again.
    """

    def __init__(self, step: float, look: Callable[[float], bool]) -> None:
        self._step = step
        self._look = look
        self._loop: AbstractEventLoop | None = None  # the one that looks; it may have stopped since

    def __repr__(self) -> str:
        return f"<Oversight {'looking' if self._loop else 'at rest'} every {self._step:g} s>"

    def start(self) -> None:
        """Look from now on, unless a running loop does already."""
        if self._step and (self._loop is None or not self._loop.is_running()):
            self._loop = get_running_loop()
            self._loop.call_later(self._step, self._tick)

    def _tick(self) -> None:
        loop = get_running_loop()
        if self._loop is not loop:
            return
        if self._look(time.monotonic()):
            loop.call_later(self._step, self._tick)
        else:
            self._loop = None
