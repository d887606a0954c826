"""Stalls of the event loop: steps that hold it for too long, with the stack that they are in.

A thread asks the loop for a sign of life again and again, and looks at the stack of the loop's thread while
none comes. A step is one call of the loop, from where that begins to run something until it has the thread
back; a queue of many short ones is no stall.
"""

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextvars import Context
from time import perf_counter
from types import FrameType
from typing import Any, Final

from asgiref.sync import AsyncToSync

from hybrid.adapters.django.lanes.asgi import ASGILane
from hybrid.adapters.django.lanes.observed.frames import is_own, outwards, spot_of, words_of
from hybrid.adapters.django.lanes.observed.lanes import ObservedThread
from hybrid.adapters.django.lanes.observed.notes import Event, Notes, Spot
from hybrid.adapters.django.lanes.observed.seen import Seen, record_in

#: What stalls count for that are in no request: of WebSockets, of tasks by themselves, of the server.
NO_REQUEST: Final = "(no request)"
#: Looks in the time that a step may take: two of them tell it from a queue of short ones.
_LOOKS: Final = 4
#: Looks at one step of which the stack that is there most often is told.
_MOST: Final = 40
#: Seconds that the watching thread may take to end.
_END_SECONDS: Final = 5.0
#: Where asyncio's own loop begins a step; uvloop does it in no frame.
_HANDLE: Final = asyncio.Handle._run.__code__  # noqa: SLF001
_frames_of_all: Final = sys._current_frames  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
#: Where a request of the asgi lane begins, and its record is.
_REQUEST: Final = ASGILane.__call__.__code__
#: Where a coroutine begins that a thread waits for: an asynchronous view of the wsgi lane, for one.
_FROM_THREAD: Final = AsyncToSync.main_wrap.__code__  # pyright: ignore[reportUnknownMemberType]


class Look:
    """What the loop is seen to do while it gives no sign of life.

    Args:
        frames: those of the step, the innermost first.

    Attributes:
        step: the outermost of them, which is another one for another step.
        seen: what the request counts for that the step is of; None where it is of none.
        spot: the innermost line of the project.
        words: the stack.
    """

    __slots__ = ("seen", "spot", "step", "words")

    def __init__(self, frames: Sequence[FrameType]) -> None:
        self.step = frames[-1]
        self.words = words_of(frames)
        self.seen = next(filter(None, map(_seen_in, frames)), None)
        self.spot = next((spot_of(each) for each in frames if is_own(each.f_code.co_filename)), Spot())

    def __repr__(self) -> str:
        return f"<Look at {self.words[:1]}>"


def _seen_in(frame: FrameType) -> Seen | None:
    if frame.f_code is _REQUEST:
        thread: Any = frame.f_locals.get("thread")
        return thread.record.seen if isinstance(thread, ObservedThread) else None
    if frame.f_code is _FROM_THREAD:
        return next((each.seen for each in map(record_in, _contexts_in(frame)) if each), None)
    return None


def _contexts_in(frame: FrameType) -> list[Context]:
    """Return the context of the thread that ``async_to_sync`` has called the loop from."""
    kept: Any = frame.f_locals.get("context")
    return [each for each in kept if isinstance(each, Context)] if isinstance(kept, list) else []  # pyright: ignore[reportUnknownVariableType]


class LoopWatch:
    """Watches the loop that it is started on, from a thread of its own.

    Args:
        notes: where stalls are put down.
        stall: the seconds that a step may take; how long one took is right within an eighth of them.
    """

    def __init__(self, notes: Notes, stall: float) -> None:
        self._notes = notes
        self._stall = stall
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<LoopWatch for steps of more than {self._stall:g} s>"

    def start(self) -> None:
        """Watch (loop)."""
        self._ended.clear()
        life = _Life(asyncio.get_running_loop())
        self._thread = threading.Thread(target=self._watch, args=(life,), name="observe", daemon=True)
        self._thread.start()

    async def end(self) -> None:
        """Watch no more (loop)."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            await asyncio.to_thread(thread.join, _END_SECONDS)

    def _watch(self, life: "_Life") -> None:
        """Ask, and look while there is no answer (the watching thread)."""
        pause = self._stall / _LOOKS
        looks: list[Look] = []
        begun = before = perf_counter()
        cpu = life.cpu()
        while life.asked() and not self._ended.wait(pause):
            now, used = perf_counter(), life.cpu() - cpu
            # Nobody runs while code of C keeps the interpreter's lock: whose CPU time that was, it is.
            kept_all = now - before > 2 * pause and used > (now - before) / 2
            if life.has_answered:
                if len(looks) > 1 or kept_all:
                    self._note(life.answered_at - begun, looks)
                looks, begun = [], now
            elif (frames := life.frames()) and (not looks or frames[-1] is not looks[-1].step):
                if len(looks) > 1:  # another step has come before the answer
                    self._note(before - begun, looks)
                looks = [Look(frames)] * (1 + kept_all)
                # One that was there when the loop was asked has begun before that.
                seen_at = life.asked_at if frames[-1] is life.step else now
                begun = before if kept_all else seen_at - pause / 2
            elif frames and len(looks) < _MOST:
                looks.append(Look(frames))
            frames, before, cpu = [], now, cpu + used

    def _note(self, seconds: float, looks: Sequence[Look]) -> None:
        if seconds < self._stall:
            return
        event = Event("stall", NO_REQUEST, "asgi")
        if looks:
            ((words, _),) = Counter(each.words for each in looks).most_common(1)
            look = next(each for each in looks if each.words == words)
            event = event._replace(spot=look.spot, frames=words)
            if (seen := look.seen) is not None:
                event = event._replace(view=seen.view, lane=seen.lane)
        self._notes.note(event, seconds)


class _Life:
    """Signs of life of a loop, and what its thread does while there are none.

    Attributes:
        asked_at, answered_at: when one was asked for, and came, the last time.
        step: the step that the loop was in when it was asked, until it answers; None where it was in none.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()
        self._clock = _clock_of(self._thread)
        self._runner: FrameType | None = None
        self.step: FrameType | None = None
        self.asked_at = 0.0
        self.answered_at = 0.0

    @property
    def has_answered(self) -> bool:
        """Whether there was a sign of life since it was asked for."""
        return self.answered_at >= self.asked_at

    def asked(self) -> bool:
        """Ask, unless there is no answer to the last time yet; False where the loop has ended."""
        if not self.has_answered:
            return True
        frames = self.frames()
        self.step = frames[-1] if frames else None
        self.asked_at = perf_counter()
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:
            return False
        return True

    def _answer(self) -> None:
        """Give a sign of life (loop)."""
        self.answered_at = perf_counter()
        self.step = None  # and with it what that has
        if self._runner is None:
            self._runner = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def frames(self) -> list[FrameType]:
        """Return the frames of the step that the loop is in; none where it is in none."""
        found: list[FrameType] = []
        for each in outwards(_frames_of_all().get(self._thread)):
            if each is self._runner:
                return found
            found.append(each)
            if each.f_code is _HANDLE:
                return found
        return []

    def cpu(self) -> float:
        """Return the seconds of CPU that the loop's thread has used; 0 where the system does not tell."""
        return 0.0 if self._clock is None else time.clock_gettime(self._clock)


def _clock_of(thread: int) -> int | None:
    of_thread = getattr(time, "pthread_getcpuclockid", None)  # not on every system
    return None if of_thread is None else of_thread(thread)
