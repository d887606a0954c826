"""Signals between a fork and the moment at which somebody handles them: they wait, and are not lost.

A new worker has the arbiter's handlers, which put a signal into a queue that nobody in it reads, and Python
drops what has come when it notes that it is another process. An arbiter tells a worker once to stop; one that
has not heard it would be waited for until it is killed.
"""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
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


class _NextFork:
    """Lets signals wait in a worker from its first moment on. Main thread."""

    def __init__(self) -> None:
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
        """Have those of the arbiter (parent)."""
        if self._before is not None:
            before, self._before = self._before, None
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def forget(self) -> None:
        """Leave it to :func:`take_signals` (child)."""
        self._before = None


NEXT_FORK: Final = _NextFork()
# gunicorn calls nothing of a worker's in the arbiter after the fork: there is no other place for the second.
os.register_at_fork(before=NEXT_FORK.begin, after_in_parent=NEXT_FORK.end, after_in_child=NEXT_FORK.forget)
