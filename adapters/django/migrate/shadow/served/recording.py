"""Recording the requests of a running server: what one of its processes does when it is asked to.

Whoever asks fetches what has been recorded again and again. It is kept in a bounded buffer until then; what
has no room there is dropped, and counted. Who does not come any more for some seconds has lost it.
"""

import asyncio
import os
import random
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from time import monotonic
from typing import Any, Final, cast

from hybrid.adapters.django.migrate.shadow.recordings import MOST, line_of
from hybrid.adapters.django.migrate.shadow.served.sights import Seen, is_safe
from hybrid.bridge.control import Command, ControlError
from hybrid.bridge.taps import Watchable
from hybrid.bridge.types import Scope

#: Requests that wait to be fetched, and bytes of theirs; requests that are looked at, at a time.
MOST_WAITING, MOST_BYTES, MOST_OPEN = 1000, 8 * 1024 * 1024, 256
#: Seconds without anybody who fetches, after which a recording is over, and that one takes at most.
LEASE, LONGEST = 10.0, 3600.0
#: What a request takes besides the body of its answer, about.
_OVERHEAD: Final = 2048
#: Bytes of the lines of one answer, after which no other line is added.
_BATCH: Final = 512 * 1024
#: Seconds between looks at the time.
_LOOK: Final = 1.0
_MOST_PATHS, _LONGEST_TEXT = 100, 500


@dataclass(frozen=True)
class Wanted:
    """What is to be recorded.

    Attributes:
        name: of the recording, which whoever has begun it knows.
        seconds: how long.
        requests: how many.
        percent: how many of a hundred of them.
        paths: patterns of paths, of which one must fit; empty for all.
        with_secrets: whether cookies and the like are kept.
    """

    name: str
    seconds: float
    requests: int
    percent: float
    paths: tuple[str, ...]
    with_secrets: bool


class Recording:
    """One recording in one process.

    Args:
        wanted: what is to be recorded.
        watched: whose requests.
        clock: the time in seconds.
        chance: gives a number from 0 to below 1 for each request.

    Attributes:
        is_on: whether requests are looked at.
    """

    def __init__(
        self,
        wanted: Wanted,
        watched: Watchable,
        clock: Callable[[], float] = monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.wanted = wanted
        self._watched = watched
        self._clock = clock
        self._chance = chance
        self._until = clock() + wanted.seconds
        self._fetched = clock()
        self._lock = threading.Lock()  # guards what follows, but for the open ones
        self._waiting: deque[Seen] = deque()
        self._bytes = self._taken = self._dropped = 0
        # Those whose clients leave are told of no more, and go with the last who knows them. Single
        # operations, of any thread.
        self._open: set[weakref.ref[Seen]] = set()
        self.is_on = True
        watched.watch(self.look)

    def __repr__(self) -> str:
        return (
            f"<Recording {self.wanted.name} {'on' if self.is_on else 'over'}, {len(self._waiting)} waiting>"
        )

    # What the server calls.

    def look(self, scope: Scope) -> Seen | None:
        """Choose a request, or not (loop)."""
        wanted = self.wanted
        if self._chance() * 100 >= wanted.percent or not is_safe(scope) or not self._fits(scope["path"]):
            return None
        with self._lock:
            if self._taken + len(self._open) >= wanted.requests:
                return None
            if len(self._open) >= MOST_OPEN or not self._has_room(0):
                self._dropped += 1
                return None
        seen = Seen(scope, self._took)
        self._open.add(weakref.ref(seen, self._open.discard))
        return seen

    def _fits(self, path: str) -> bool:
        paths = self.wanted.paths
        return not paths or any(fnmatchcase(path, each) for each in paths)

    def _has_room(self, size: int) -> bool:
        return len(self._waiting) < MOST_WAITING and self._bytes + size <= MOST_BYTES

    def _took(self, seen: Seen) -> None:
        """Take a request that has been answered (any thread)."""
        self._open.discard(weakref.ref(seen))
        size = seen.kept + _OVERHEAD
        with self._lock:
            if self._taken >= self.wanted.requests:
                return
            if not self._has_room(size):
                self._dropped += 1
                return
            self._waiting.append(seen)
            self._bytes += size
            self._taken += 1

    # What whoever records asks for.

    async def fetch(self) -> dict[str, Any]:
        """Return the next lines, and how it stands (loop)."""
        self._fetched = self._clock()
        self.check_time()
        lines = await asyncio.to_thread(self._lines)
        with self._lock:
            return {
                "pid": os.getpid(),
                "lines": lines,
                "on": self.is_on,
                "waiting": len(self._waiting),
                "dropped": self._dropped,
            }

    def _lines(self) -> list[str]:
        """Make lines of what waits, as many as one answer has (worker)."""
        lines: list[str] = []
        size = 0
        while size < _BATCH and (seen := self._next()) is not None:
            keeps = self.wanted.with_secrets
            line = line_of(seen.asked.request(with_secrets=keeps), seen.outcome(), with_secrets=keeps)
            lines.append(line.decode(errors="surrogateescape"))
            size += len(line)
        return lines

    def _next(self) -> Seen | None:
        with self._lock:
            if not self._waiting:
                return None
            seen = self._waiting.popleft()
            self._bytes -= seen.kept + _OVERHEAD
            return seen

    def check_time(self) -> bool:
        """End what has taken its time, or has all it wants; return whether anybody still wants it (loop)."""
        now = self._clock()
        with self._lock:
            is_full = self._taken >= self.wanted.requests
        if is_full or now >= self._until:
            self.stop()
        return now - self._fetched < LEASE

    def stop(self) -> None:
        """Look at no more requests; what waits can still be fetched (loop)."""
        if self.is_on:
            self.is_on = False
            self._watched.unwatch(self.look)
        for each in self._open.copy():
            if (seen := each()) is not None:
                seen.forget()
        self._open.clear()


class Recorder:
    """Answers the commands of ``hybrid migrate record`` in one process; one recording at a time (loop)."""

    def __init__(self, watched: Watchable) -> None:
        self._watched = watched
        self._recording: Recording | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Recorder {self._recording!r}>"

    def commands(self) -> dict[str, Command]:
        """Return the commands by name."""
        return {"record.begin": self.begin, "record.fetch": self.fetch, "record.end": self.end}

    async def begin(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Begin a recording; once more the same is the same one."""
        wanted = _wanted(arguments)
        going_on = self._recording
        if going_on is not None and going_on.wanted.name != wanted.name:
            raise ControlError("somebody else records the requests of this server already")
        if going_on is None:
            self._recording = Recording(wanted, self._watched)
            self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)
        return {"pid": os.getpid()}

    async def fetch(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what has been recorded since the last time. With the last of it, the recording is over."""
        recording = self._named(arguments)
        answer = await recording.fetch()
        if not (answer["on"] or answer["waiting"]) and recording is self._recording:
            self.leave()
        return answer

    async def end(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Record no more; what waits can be fetched for some seconds, unless it is to be forgotten."""
        recording = self._named(arguments)
        recording.stop()
        if arguments.get("forget") is True:
            self.leave()
        return {"pid": os.getpid()}

    def leave(self) -> None:
        """Forget all, at the end of the process."""
        if self._timer is not None:
            self._timer.cancel()
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.stop()

    def _named(self, arguments: Mapping[str, Any]) -> Recording:
        if self._recording is None or self._recording.wanted.name != arguments.get("name"):
            raise ControlError("this recording is over, as nobody has fetched anything for a while")
        return self._recording

    def _look(self) -> None:
        """Forget a recording that nobody wants any more."""
        recording = self._recording
        if recording is not None and recording.check_time():
            self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)
        else:
            self.leave()


def _wanted(arguments: Mapping[str, Any]) -> Wanted:
    return Wanted(
        _text("name", arguments.get("name")),
        _number("seconds", arguments.get("seconds"), LONGEST),
        int(_number("requests", arguments.get("requests"), MOST)),
        _number("percent", arguments.get("percent"), 100),
        tuple(_text("paths", each) for each in _list("paths", arguments.get("paths", []))),
        arguments.get("with_secrets") is True,
    )


def _list(name: str, said: object) -> list[object]:
    found = cast("list[object]", said) if isinstance(said, list) else None
    if found is None or len(found) > _MOST_PATHS:
        raise ControlError(f"{name}: a list of at most {_MOST_PATHS}")
    return found


def _text(name: str, said: Any) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= _LONGEST_TEXT:
        raise ControlError(f"{name}: a text of at most {_LONGEST_TEXT} characters")
    return said


def _number(name: str, said: Any, most: float) -> float:
    if not isinstance(said, (int, float)) or isinstance(said, bool) or not 0 < said <= most:
        raise ControlError(f"{name}: a number above 0, and at most {most:g}")
    return said
