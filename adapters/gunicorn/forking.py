"""Signals between a fork and the moment at which somebody handles them: they wait, and are not lost.

A new worker has the arbiter's handlers, which put a signal into a queue that nobody in it reads, and Python
drops what has come when it notes that it is another process. An arbiter tells a worker once to stop; one that
has not heard it would be waited for until it is killed.
"""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from gunicorn.arbiter import Arbiter

#: What arbiter and workers handle.
_HANDLED: Final = frozenset((*Arbiter.SIGNALS, signal.SIGABRT))


@contextmanager
def signals_waiting() -> Generator[None]:
    """Let signals wait while the block runs, or until :func:`take_signals`, in which they come."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def take_signals() -> None:
    """Have the signals that wait: there are handlers now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    NEXT_FORK.raise_noted()


class _NextFork:
    """Lets signals wait in a worker from its first moment on. Main thread.

    They are blocked only while it is forked, and then noted: what hooks of the configuration start would have
    them blocked for ever.

    Attributes:
        noted: those that have come to this worker, each once.
    """

    def __init__(self) -> None:
        self.noted: list[int] = []
        self._is_worker = False
        self._before: set[int | signal.Signals] | None = None

    def __repr__(self) -> str:
        return f"<_NextFork {'of a worker' if self._is_worker else 'of somebody'}>"

    def expect_worker(self) -> None:
        """Note that the next fork of this process makes a worker."""
        self._is_worker = True

    def begin(self) -> None:
        """Let signals wait, of both processes."""
        if self._is_worker:
            self._is_worker = False
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)

    def end(self) -> None:
        """Have them again: those of the arbiter are handled (parent)."""
        if self._before is not None:
            before, self._before = self._before, None
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def note(self) -> None:
        """Note those that come until :func:`take_signals` (child)."""
        if self._before is not None:
            for each in _HANDLED:
                signal.signal(each, self._note)
        self.end()

    def raise_noted(self) -> None:
        """Have them once more."""
        noted, self.noted = self.noted, []
        for each in noted:
            signal.raise_signal(each)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number not in self.noted:
            self.noted.append(number)


NEXT_FORK: Final = _NextFork()
# gunicorn calls nothing of a worker's in the arbiter after the fork: there is no other place for the second.
os.register_at_fork(before=NEXT_FORK.begin, after_in_parent=NEXT_FORK.end, after_in_child=NEXT_FORK.note)
