"""What holds the event loop for long: its stack, taken by a thread while it does (``--loop-watch``)."""

import asyncio
import inspect
import logging
import os
import sys
import threading
from collections.abc import Mapping
from time import monotonic
from types import FrameType
from typing import Final

from hybrid.server.ops.metrics.snapshot import Stack

logger = logging.getLogger("hybrid.server")

#: Looks in the time that something may take.
_LOOKS: Final = 4
#: Stacks that are kept apart, and frames of each of them, the innermost.
_STACKS: Final = 64
_FRAMES: Final = 40
#: What other stacks count for.
_OTHERS: Final = "(others)"
#: Seconds that the thread may take to end.
_END_SECONDS: Final = 1.0
#: The shortest time between two lines in the log.
_QUIET_SECONDS: Final = 10.0
#: Where asyncio's own loop begins to run something; uvloop does it in no frame.
_HANDLE: Final = asyncio.Handle._run.__code__  # noqa: SLF001
_CO_COROUTINE: Final = inspect.CO_COROUTINE
_frames_of_all: Final = sys._current_frames  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


class LoopWatch:
    """Asks the loop for a sign of life again and again, and looks at its thread's stack while none comes.

    Python says what code runs only when that lets others run: a call of C code that keeps the interpreter for
    itself is seen when it is over, with the time it took and no stack.

    Args:
        seconds: how long something may hold the loop.

    Attributes:
        seconds: the same.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # guards the next three
        self._held = 0
        self._longest = 0.0
        self._stacks: dict[str, Stack] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._runner: FrameType | None = None  # what runs the loop
        self._asked_at = self._answered_at = 0.0
        self._said_at = -_QUIET_SECONDS

    def __repr__(self) -> str:
        return f"<LoopWatch for {self.seconds:g} s: {self._held} held>"

    def start(self) -> None:
        """Watch (loop)."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._runner = _runner_of(sys._getframe())  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more (loop); the thread ends soon."""
        self._ended.set()

    def found(self) -> tuple[int, float, Mapping[str, Stack]]:
        """Return how often the loop was held for too long, the longest time, and where. Any thread."""
        with self._lock:
            return self._held, self._longest, dict(self._stacks)

    def _answer(self) -> None:
        """Give a sign of life (loop)."""
        self._answered_at = monotonic()

    def _watch(self) -> None:
        """Ask, and look while there is no answer (the watching thread)."""
        assert self._loop is not None
        pause = self.seconds / _LOOKS
        frames: tuple[str, ...] = ()
        while True:
            now = monotonic()
            if self._answered_at >= self._asked_at:
                if self._answered_at - self._asked_at > self.seconds:
                    self._note(self._answered_at - self._asked_at, frames)
                frames = ()
                self._asked_at = now
                try:
                    self._loop.call_soon_threadsafe(self._answer)
                except RuntimeError:  # it is closed
                    return
            elif now - self._asked_at > self.seconds / 2 and not frames:
                frames = self._look()
            if self._ended.wait(pause):
                return

    def _look(self) -> tuple[str, ...]:
        frame = _frames_of_all().get(self._loop_thread)
        return () if frame is None else words_of(frame, self._runner)

    def _note(self, seconds: float, frames: tuple[str, ...]) -> None:
        key = frames[0] if frames else "(no stack: code that was not Python's held the interpreter)"
        with self._lock:
            self._held += 1
            self._longest = max(self._longest, seconds)
            if key not in self._stacks and len(self._stacks) >= _STACKS:
                key, frames = _OTHERS, ()
            before = self._stacks.get(key)
            stack = Stack(1, seconds, frames)
            self._stacks[key] = stack if before is None else before + stack
        if seconds and monotonic() - self._said_at > _QUIET_SECONDS:
            self._said_at = monotonic()
            logger.warning(
                "something has held the event loop for %.3f s, at\n  %s", seconds, "\n  ".join(frames)
            )


def words_of(frame: FrameType | None, end: FrameType | None = None) -> tuple[str, ...]:
    """Return a stack in words, the innermost call first, as far as to a frame that is left out."""
    words: list[str] = []
    while frame is not None and frame is not end and frame.f_code is not _HANDLE and len(words) < _FRAMES:
        words.append(f"{_shortened(frame.f_code.co_filename)}:{frame.f_lineno} in {frame.f_code.co_qualname}")
        frame = frame.f_back
    return tuple(words)


def _runner_of(frame: FrameType | None) -> FrameType | None:
    """Return the frame that runs the loop, for one in a task."""
    while frame is not None and frame.f_code.co_flags & _CO_COROUTINE == 0:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_flags & _CO_COROUTINE:
        frame = frame.f_back
    return frame


def _shortened(file: str) -> str:
    """Return the name of a file: from where packages are installed, or from the directory of the process."""
    _, found, rest = file.rpartition("site-packages/")
    return rest if found else file.removeprefix(f"{os.getcwd()}/")  # noqa: PTH109 - for its text
