"""Ends a process that the threads of an application would keep alive for ever."""

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

#: Seconds that threads may go on when everything else has ended.
_SECONDS = 2.0
#: What is raised by a stream that nobody reads any more, that is closed, and that is None.
_GONE = (OSError, ValueError, AttributeError)


def end_despite_threads(code: int, seconds: float = _SECONDS) -> None:
    """See that the process ends with ``code`` within ``seconds`` or so; returns at once.

    Python waits at its end for every thread that is not a daemon, and libraries run synchronous code on such
    threads: one call that never returns would keep a server that has stopped, its memory and its supervisor
    waiting. Threads that end in time are waited for as always.
    """
    ours = (threading.main_thread(), threading.current_thread())
    threads = [each for each in threading.enumerate() if not each.daemon and each not in ours]
    if threads:
        watch = threading.Thread(target=_watch, args=(threads, code, seconds), name="watchdog", daemon=True)
        watch.start()


def end_anyway(code: int, seconds: float = _SECONDS) -> None:
    """See that the process ends with ``code`` within ``seconds`` or so, whatever it does; returns at once.

    For a process that is ended by an exception, which whoever runs just now may catch, and go on.
    """
    threading.Thread(target=_end, args=(code, seconds), name="watchdog", daemon=True).start()


def _end(code: int, seconds: float) -> None:
    time.sleep(seconds)
    _exit(code)


def _watch(threads: Sequence[threading.Thread], code: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    stuck = [thread.name for thread in threads if thread.is_alive()]
    if stuck:
        with suppress(*_GONE):
            sys.stderr.write(f"hybrid: not waiting for threads that do not end: {', '.join(stuck)}\n")
        _exit(code)


def _exit(code: int) -> None:
    for each in (sys.stderr, sys.stdout):
        with suppress(*_GONE):
            each.flush()
    os._exit(code)
