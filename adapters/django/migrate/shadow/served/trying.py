"""Trying requests of a running server again, on both lanes, in a process of its own; and what came of it."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final, TypeVar

from hybrid.adapters.django.migrate.shadow.compare import Compared, Comparer
from hybrid.adapters.django.migrate.shadow.elsewhere import Elsewhere, Settings
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request, Unreachable
from hybrid.adapters.django.migrate.shadow.masks import Masks
from hybrid.adapters.django.migrate.shadow.results import Results
from hybrid.adapters.django.migrate.shadow.sending import Sender
from hybrid.bridge.errors import LoadError

logger = logging.getLogger("hybrid.django")

K = TypeVar("K")

#: Seconds after the end of a process until another one is started, twice as many each time, and at most; and
#: those that one has to last for the next pause to be the first again.
FIRST_PAUSE, LONGEST_PAUSE, LASTED = 10.0, 600.0, 600.0
#: Notes, reasons and masks that are counted by themselves; those that came least often make room.
_MOST_COUNTED: Final = 500
_ENDED: Final = "the process that tries requests again has ended"


@dataclass(frozen=True)
class ServedRequest(Request):
    """A request of a running server.

    Attributes:
        shown: the target without what is secret in its path.
    """

    shown: str = ""

    def plain(self) -> Request:
        """Return it as the other process knows requests."""
        return Request(self.method, self.target, self.headers, self.body, self.view)


@dataclass
class SharedResults(Results):
    """Results that one thread adds to while others read them, and that do not grow for ever."""

    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, request: Request, first: Outcome, other: Outcome, compared: Compared) -> None:
        """Take what came of a request, which is shown without secrets."""
        shown = replace(request, target=request.shown) if isinstance(request, ServedRequest) else request
        with self.lock:
            super().add(shown, first, other, compared)
            _bound(self.notes)
            _bound(self.hidden)

    def add_unreachable(self, reason: str) -> None:
        """Take a request that had no answer."""
        with self.lock:
            super().add_unreachable(reason)
            _bound(self.reasons)


def _bound(counted: Counter[K]) -> None:
    if len(counted) > 2 * _MOST_COUNTED:
        kept = counted.most_common(_MOST_COUNTED)
        counted.clear()
        counted.update(dict(kept))


class Trying:
    """Tries one request after the other, on the thread of a sample.

    Args:
        settings: which project, and how.
        results: takes what comes of them.
        clock: the time in seconds.

    Attributes:
        problem: why nothing is tried now; ``""`` where that is not so.
        skipped: requests that were not tried therefore.
    """

    def __init__(
        self, settings: Settings, results: SharedResults, clock: Callable[[], float] = monotonic
    ) -> None:
        self._elsewhere = Elsewhere(settings)
        self._results = results
        self._sender = Sender(self._run, Comparer(Masks()), results)
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._not_before = self._started = 0.0
        self._ended = ""
        self._is_over = False
        self.problem = ""
        self.skipped = 0

    def __repr__(self) -> str:
        return f"<Trying in {self._elsewhere!r} {self.problem}>"

    @property
    def pid(self) -> int | None:
        """The id of the process; None where there is none now. Any thread."""
        return self._elsewhere.pid

    def __call__(self, request: Request) -> None:
        """Try a request, unless the process has just ended."""
        if self._clock() < self._not_before:
            self.skipped += 1
            return
        if self.pid is None:
            self._started = self._clock()
        self._ended = ""
        try:
            self._sender.send([request])
        except LoadError as error:
            self._ended = str(error)
        self._results.stopped = ""  # the next one is another matter
        self._note()

    def _run(self, request: Request, lane: str) -> Outcome:
        if self._ended or self._is_over:  # no other process for the rest of this request
            raise Unreachable(_ENDED)
        plain = request.plain() if isinstance(request, ServedRequest) else request
        outcome = self._elsewhere.run(plain, lane)
        if self.pid is None:
            self._ended = f"{request.method} on the {lane} lane: {outcome.exception}"
        return outcome

    def _note(self) -> None:
        """Wait with the next process, where one has ended: longer each time."""
        self.problem = self._ended
        if not self._ended or self._is_over:
            return
        now = self._clock()
        if now - self._started >= LASTED:
            self._pause = FIRST_PAUSE
        logger.warning("shadow: no requests are tried again for %g s: %s", self._pause, self._ended)
        self._not_before = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def kill(self) -> None:
        """End what is tried, by force, and try nothing more. Any thread."""
        self._is_over = True
        self._elsewhere.kill()

    def close(self) -> None:
        """End the process, once nothing is tried any more."""
        self._elsewhere.close()
