"""How the views of a project do on each lane: requests, errors, stalls of the event loop, and how long until
there is a response.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hybrid.bridge.histogram import add_buckets, bucket_of, percentile_of, subtract_buckets

logger = logging.getLogger("hybrid.django")

#: What requests count for whose path leads to no view.
NO_ROUTE: Final = "(no route)"
#: What they count for where a middleware sets ``request.urlconf``, so that the path alone tells no view.
ANY_VIEW: Final = "(any view)"
#: What they count for once there is no room for another view.
OTHERS: Final = "(others)"

#: Views on lanes that are counted by themselves. A project has two for each view at most, and one for each
#: rule there has been for paths.
_ROOM: Final = 2048
#: Requests of each of them that may wait to be counted.
_NOTED: Final = 64


@dataclass(frozen=True, slots=True)
class Counts:
    """What has come of requests: of a view on a lane, in a process or in several, since its start or in a
    window of time.

    Args:
        requests: how many there were.
        errors: how many of them had a status of 500 or more, or no response.
        stalls: how often one has held the event loop for too long.
        buckets: how many took how long until the head of the response, as in a
            :class:`~hybrid.bridge.histogram.Histogram`.
    """

    requests: int = 0
    errors: int = 0
    stalls: int = 0
    buckets: Mapping[int, int] = field(default_factory=dict[int, int])

    def __add__(self, other: "Counts") -> "Counts":
        """Both together: those of two processes, for example."""
        return Counts(
            self.requests + other.requests,
            self.errors + other.errors,
            self.stalls + other.stalls,
            add_buckets(self.buckets, other.buckets),
        )

    def __sub__(self, earlier: "Counts") -> "Counts":
        """What has been added since ``earlier``. Nothing is less than none, which it would be where a process
        has ended meanwhile.
        """
        return Counts(
            max(0, self.requests - earlier.requests),
            max(0, self.errors - earlier.errors),
            max(0, self.stalls - earlier.stalls),
            subtract_buckets(self.buckets, earlier.buckets),
        )

    @property
    def p50(self) -> float | None:
        """The seconds that half of the requests took at most; None where there were none."""
        return percentile_of(self.buckets, 50)

    @property
    def p95(self) -> float | None:
        """The seconds that 95 % of the requests took at most; None where there were none."""
        return percentile_of(self.buckets, 95)

    @property
    def p99(self) -> float | None:
        """The seconds that 99 % of the requests took at most; None where there were none."""
        return percentile_of(self.buckets, 99)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can say."""
        buckets = {str(number): count for number, count in self.buckets.items()}
        return {
            "requests": self.requests,
            "errors": self.errors,
            "stalls": self.stalls,
            "buckets": buckets,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Counts":
        """Take what :meth:`to_json` has returned, in another process perhaps.

        Raises:
            ValueError: it has not.
        """
        try:
            buckets = {int(number): int(count) for number, count in said["buckets"].items()}
            return cls(int(said["requests"]), int(said["errors"]), int(said["stalls"]), buckets)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"these are no counts: {said!r}") from error


_NONE: Final = Counts()


class Tally:
    """Counts the requests of one view on one lane. Any thread.

    What a request took is only put down with it, and goes to its bucket with others later: that is less work,
    and nobody waits for somebody else. So many wait at most, and a few more while somebody counts them.
    """

    __slots__ = ("_buckets", "_errors", "_lock", "_noted", "_stalls", "view")

    def __init__(self, view: str) -> None:
        self.view = view
        self._noted: deque[float] = deque()
        self._lock = threading.Lock()  # guards the other three
        self._errors = self._stalls = 0
        self._buckets: Counter[int] = Counter()

    def __repr__(self) -> str:
        return f"<Tally of {self.view}>"

    def note(self, seconds: float, failed: bool) -> None:
        """A request has its response, or will have none: see :meth:`Figures.note`."""
        self._noted.append(seconds)
        if failed:
            with self._lock:
                self._errors += 1
        if len(self._noted) >= _NOTED:
            with self._lock:
                self._count()

    def stall(self, seconds: float) -> None:
        """A request has held the event loop for so long, without a pause."""
        logger.debug("%s has held the event loop for %.3f s", self.view, seconds)
        with self._lock:
            self._stalls += 1

    def counts(self) -> Counts:
        """Return what there is."""
        with self._lock:
            self._count()
            buckets, errors, stalls = dict(self._buckets), self._errors, self._stalls
        return Counts(sum(buckets.values()), errors, stalls, buckets)

    def _count(self) -> None:
        """Put what has been noted into its buckets; with the lock."""
        noted = [self._noted.popleft() for _ in range(len(self._noted))]
        self._buckets.update(map(bucket_of, noted))


class Figures:
    """The counts of all views on both lanes, since the process has started. Any thread.

    There is room for so many views, and for many more than projects have; what comes beyond counts for
    :data:`OTHERS`, of each lane.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._growing = threading.Lock()  # guards adding to the tallies

    def __repr__(self) -> str:
        return f"<Figures of {len(self._tallies)} views on lanes>"

    def note(self, view: str, lane: str, seconds: float, failed: bool) -> None:
        """A request has its response, or will have none.

        Args:
            view: the view's name, or what it counts for.
            lane: where it ran.
            seconds: from when its lane was decided until the head of the response.
            failed: whether its status is 500 or more, or there is no response.
        """
        self.tally(view, lane).note(seconds, failed)

    def stall(self, view: str, lane: str, seconds: float) -> None:
        """A request has held the event loop for so long, without a pause."""
        self.tally(view, lane).stall(seconds)

    def tally(self, view: str, lane: str) -> Tally:
        """Return what counts the requests of a view on a lane."""
        return self._tallies.get((view, lane)) or self._add(view, lane)

    def snapshot(self) -> dict[str, dict[str, Counts]]:
        """Return what there is, by view and by lane."""
        found: dict[str, dict[str, Counts]] = {}
        for (view, lane), tally in self._tallies.copy().items():
            if (counts := tally.counts()) != _NONE:
                found.setdefault(view, {})[lane] = counts
        return found

    def tallies(self) -> dict[tuple[str, str], Tally]:
        """Return what counts, by view and lane."""
        return self._tallies.copy()

    def make(self, view: str, lane: str) -> Tally:
        """Make what counts the requests of a view on a lane."""
        return Tally(view)

    def _add(self, view: str, lane: str) -> Tally:
        with self._growing:
            if (view, lane) not in self._tallies and len(self._tallies) >= _ROOM:
                view = OTHERS
            return self._tallies.get((view, lane)) or self._tallies.setdefault(
                (view, lane), self.make(view, lane)
            )
