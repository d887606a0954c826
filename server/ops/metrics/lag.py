"""How late the event loop is: what it was asked to call at a time, and when it did."""

import asyncio
from typing import TYPE_CHECKING, Final

from hybrid.bridge.histogram import SIZE, Histogram, bucket_of

if TYPE_CHECKING:
    from hybrid.server.ops.metrics.loop_watch import LoopWatch

#: Seconds by which a call is late although nothing held the loop: its time is one of milliseconds.
_PRECISION: Final = 0.0015
#: Seconds between two calls. Something that holds the loop is seen if it takes longer, and otherwise with the
#: share of the time that it takes; ten calls a second are a few hundredths of a per cent of a CPU.
INTERVAL: Final = 0.1


class LoopLag:
    """Has the loop call it ten times a second, and counts how late it was. Loop thread only.

    The time of the loop is right to a millisecond: what is less late than that is in the first bucket.
    """

    _loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self._counts = [0] * SIZE
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def __repr__(self) -> str:
        return f"<LoopLag of {sum(self._counts)} calls>"

    def start(self) -> None:
        """Begin, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._ask()

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def histogram(self) -> Histogram:
        """Return what was counted."""
        return Histogram.of(self._counts)

    def _ask(self) -> None:
        self._due = self._loop.time() + INTERVAL
        self._timer = self._loop.call_at(self._due, self._called)

    def _called(self) -> None:
        late = self._loop.time() - self._due
        self._counts[bucket_of(late) if late > _PRECISION else 0] += 1
        self._ask()


class LoopSight:
    """What looks at an event loop, as far as anybody wants to know.

    Args:
        counts: whether to count how late it is.
        seconds: what holds it for longer is looked at; 0 is nothing.

    Attributes:
        lag: how late it is.
        watch: what has held it, once that is looked at.
    """

    def __init__(self, seconds: float, *, counts: bool) -> None:
        self.lag = LoopLag()
        self.watch: LoopWatch | None = None
        self._counts = counts
        self._seconds = seconds

    def __repr__(self) -> str:
        return f"<LoopSight {self.lag!r} {self.watch!r}>"

    def start(self) -> None:
        """Look at the running loop."""
        if self._counts:
            self.lag.start()
        if self._seconds:
            from hybrid.server.ops.metrics.loop_watch import LoopWatch

            self.watch = LoopWatch(self._seconds)
            self.watch.start()

    def stop(self) -> None:
        """Look no more."""
        self.lag.stop()
        if self.watch is not None:
            self.watch.stop()
