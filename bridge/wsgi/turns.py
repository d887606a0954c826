"""How long a thread that computes keeps the GIL while others wait for it.

Each event of a connection costs the loop one or two turns with the GIL, so that with Python's own 5 ms for
each a WebSocket feels every view that computes. With shorter turns, though, views that take no time are
answered in smaller batches, which costs them about a tenth of their rate. So turns are short while long views
compute, and only then. ``docs/design.md`` has the measurements.
"""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Final

from hybrid.bridge.wsgi.worker import Worker

#: Seconds between two looks at what the threads do: a view that is seen twice is a long one.
LOOK_SECONDS: Final = 0.01
#: Seconds of a turn while long views compute.
_SHORT_TURN: Final = 0.0005
#: Share of a CPU from which on they matter.
_SHARE: Final = 0.5
#: Seconds that turns stay short afterwards.
_HOLD: Final = 1.0


class Turns:
    """The process's switch interval, which is left alone unless it is :meth:`managed`. Loop thread."""

    def __init__(self) -> None:
        self._usual: float | None = None  # None while it is not ours to change
        self._short = False
        self._until = 0.0

    def __repr__(self) -> str:
        state = "not managed" if self._usual is None else "short" if self._short else "usual"
        return f"<Turns {state}>"

    @contextmanager
    def managed(self) -> Generator[None]:
        """Let pools shorten the interval as long as the block lasts, for a process that serves and nothing
        else.
        """
        self._usual = before = sys.getswitchinterval()
        try:
            yield
        finally:
            self._usual = None
            self._short = False
            self._until = 0.0
            sys.setswitchinterval(before)

    @property
    def are_managed(self) -> bool:
        """Whether there is anything to look for."""
        return self._usual is not None

    def look(self, workers: Iterable[Worker], now: float) -> None:
        """Choose the interval by what a pool's threads have done since the last look."""
        if self._usual is None:
            return
        if sum([worker.cpu_share(now) for worker in workers]) > _SHARE:
            self._until = now + _HOLD
        short = now < self._until
        if short != self._short:
            self._short = short
            sys.setswitchinterval(min(self._usual, _SHORT_TURN) if short else self._usual)


#: Of this process.
TURNS: Final = Turns()
