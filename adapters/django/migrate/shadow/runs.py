"""What is noted of one run of a request: whoever watches something adds to it, on whatever thread."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

#: Lines that are kept of each kind.
_LINES: Final = 1000


class Run:
    """One run, from the call of a lane to the moment when all is undone. Any thread.

    Args:
        name: what it is called in notes.
        user: whose request it is to be; ``""`` for what the request itself says.

    Attributes:
        over: whether it has ended; to be set by who ends it. What belongs to it must not do anything any
            more.
        exception: the last one that no middleware has turned into an answer.
        memory: what it keeps in the place of what it may not change.
        started, finished: how often Django has said that the request begins and ends.
    """

    def __init__(self, name: str = "", user: str = "") -> None:
        self.name = name
        self.user = user
        self.over = False
        self._lock = threading.Lock()
        self._lines: dict[str, list[str]] = {}
        self.exception = ""
        self.memory: dict[str, Any] = {}
        self.started = self.finished = 0
        self._is_watched = True

    def __repr__(self) -> str:
        return f"<Run {self.name}{' over' if self.over else ''}>"

    def add(self, kind: str, line: str) -> None:
        """Add a line of a kind: ``queries``, ``warnings`` or ``sent``; no more than a thousand."""
        with self._lock:
            if not self._is_watched:
                return
            lines = self._lines.setdefault(kind, [])
            if len(lines) < _LINES:
                lines.append(line)
            elif len(lines) == _LINES:
                lines.append(f"more than {_LINES:,} of these")

    @contextmanager
    def unwatched(self) -> Generator[None]:
        """Add no lines for a while: what is done is not the request's."""
        self._is_watched = False
        try:
            yield
        finally:
            self._is_watched = True

    def note(self, line: str) -> None:
        """Add what is to be known of the run, once."""
        with self._lock:
            lines = self._lines.setdefault("notes", [])
            if line not in lines and len(lines) < _LINES:
                lines.append(line)

    def lines(self, kind: str) -> tuple[str, ...]:
        """Return those of a kind, and ``notes``."""
        with self._lock:
            return tuple(self._lines.get(kind, ()))


#: The run that a context belongs to. A thread that the project has started by itself has none.
_of_context: Final[ContextVar[Run | None]] = ContextVar("hybrid.shadow.run", default=None)


class Current:
    """Which run there is. One at a time: what comes from a context without a run belongs to it too."""

    def __init__(self) -> None:
        self._run: Run | None = None

    def __call__(self) -> Run | None:
        """Return the run that the caller belongs to, which may be over; None between two runs."""
        return _of_context.get() or self._run

    @contextmanager
    def running(self, run: Run) -> Generator[Run]:
        """Let a run be the current one."""
        self._run = run
        try:
            yield run
        finally:
            self._run = None

    def enter(self, run: Run) -> None:
        """Let the caller's context belong to a run."""
        _of_context.set(run)


#: That of this process.
current: Final = Current()
