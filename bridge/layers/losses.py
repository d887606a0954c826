"""Counting messages that do not arrive, and saying so in the log, now and then."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

logger = logging.getLogger("hybrid.layers")

#: Seconds between two lines in the log.
_QUIET_SECONDS: Final = 10.0

#: Why a message did not arrive: its channel (or the queue in front of all) was full; nobody read it in time;
#: the connection that would have carried it was gone.
Reason = Literal["full", "expired", "disconnected"]


class Losses:
    """What a channel layer has lost, by reason. Any thread.

    The first loss is logged at once, and what follows together with others, at most every ten seconds.

    Args:
        name: of the layer, for the log.
        clock: seconds that only ever grow; for tests.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        # Guards all below; never held while something else is waited for; re-entrant for signal handlers.
        self._lock = threading.RLock()
        self._counts: Counter[Reason] = Counter()
        self._unsaid: Counter[Reason] = Counter()
        self._quiet_until = -_QUIET_SECONDS

    def __repr__(self) -> str:
        return f"<Losses of {self.name}: {_listed(self._counts) or 'none'}>"

    def __getitem__(self, reason: Reason) -> int:
        return self._counts[reason]

    @property
    def total(self) -> int:
        """Messages that did not arrive, for whatever reason; each member of a group counts."""
        return self._counts.total()

    def as_dict(self) -> dict[str, int]:
        """Return the counts by reason."""
        return {reason: self._counts[reason] for reason in ("full", "expired", "disconnected")}

    def count(self, reason: Reason, number: int = 1, *, example: str = "") -> None:
        """Add to the count.

        Args:
            reason: why they did not arrive.
            number: how many.
            example: what one of them was for, for the log.
        """
        if number <= 0:
            return
        with self._lock:
            self._counts[reason] += number
            self._unsaid[reason] += number
            line = self._line_to_say()
        if line:
            logger.warning("%s%s", line, f" (the last one for {example})" if example else "")

    def say(self) -> None:
        """Log what has not been logged yet."""
        with self._lock:
            self._quiet_until = self._clock()
            line = self._line_to_say() if self._unsaid else ""
        if line:
            logger.warning("%s", line)

    def _line_to_say(self) -> str:
        now = self._clock()
        if now < self._quiet_until:
            return ""
        self._quiet_until = now + _QUIET_SECONDS
        line = f"{self.name}: messages lost: {_listed(self._unsaid)}"
        self._unsaid.clear()
        return line


def _listed(counts: Counter[Reason]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in counts.items())
