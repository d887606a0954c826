"""How long things took: histograms that processes add up, and that cost whoever counts one look-up.

Who counts keeps a list of :data:`SIZE` numbers, and adds one to that of :func:`bucket_of` the seconds. Only
the thread that owns the list does that; a reading of it is a :class:`Histogram`.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

#: Buckets for each doubling of the time: what is said of one is wrong by 4.4 % at most.
PER_DOUBLING: Final = 8
#: Seconds where the buckets begin: the first is for what is less, the last for five hours and more.
BOUNDS: Final = [1e-6 * math.exp2(number / PER_DOUBLING) for number in range(34 * PER_DOUBLING + 1)]
#: How many buckets there are.
SIZE: Final = len(BOUNDS) + 1
#: Returns the number of the bucket for so many seconds.
bucket_of: Final = partial(bisect_right, BOUNDS)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many things took how long, in a process or in several.

    Attributes:
        buckets: how many of them are in each bucket that has any. The keys are the buckets' numbers: that of
            ``s`` seconds is ``1 + 8 * log2(s / 1e-6)``, without its fraction.
    """

    buckets: Mapping[int, int] = field(default_factory=dict[int, int])

    @classmethod
    def of(cls, counts: Sequence[int]) -> "Histogram":
        """Take a reading of a list that somebody counts in."""
        return cls({number: count for number, count in enumerate(counts) if count})

    def __add__(self, other: "Histogram") -> "Histogram":
        """Both together."""
        return Histogram(add_buckets(self.buckets, other.buckets))

    def __sub__(self, earlier: "Histogram") -> "Histogram":
        """What has been added since; nothing is less than none."""
        return Histogram(subtract_buckets(self.buckets, earlier.buckets))

    @property
    def count(self) -> int:
        """How many things there were."""
        return sum(self.buckets.values())

    @property
    def total(self) -> float:
        """How many seconds they took together, as far as the buckets tell: wrong by 4.4 % at most."""
        return sum(count * middle_of(number) for number, count in self.buckets.items())

    def percentile(self, percent: float) -> float | None:
        """Return the seconds that so many of a hundred took at most; None where there were none."""
        return percentile_of(self.buckets, percent)

    def below(self, seconds: float) -> int:
        """Return how many took at most so many seconds, as far as the buckets tell."""
        last = bucket_of(seconds)
        return sum(count for number, count in self.buckets.items() if number <= last)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can say: the buckets, and for whoever reads it what follows from them."""
        return {
            "count": self.count,
            "p50": self.percentile(50),
            "p95": self.percentile(95),
            "p99": self.percentile(99),
            "max": self.percentile(100),
            "buckets": {str(number): count for number, count in sorted(self.buckets.items())},
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Histogram":
        """Take what :meth:`to_json` has returned.

        Raises:
            ValueError: it has not.
        """
        try:
            return cls({int(number): int(count) for number, count in said["buckets"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no histogram: {said!r}") from error


def add_buckets(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """Return the buckets of both together."""
    buckets = Counter(one)
    buckets.update(other)
    return dict(buckets)


def subtract_buckets(now: Mapping[int, int], earlier: Mapping[int, int]) -> dict[int, int]:
    """Return what buckets have more than they had; nothing is less than none, which it would be where a
    process has ended meanwhile.
    """
    more = {number: count - earlier.get(number, 0) for number, count in now.items()}
    return {number: count for number, count in more.items() if count > 0}


def percentile_of(buckets: Mapping[int, int], percent: float) -> float | None:
    """Return the seconds that so many of a hundred took at most; None where there were none."""
    left = math.ceil(sum(buckets.values()) * percent / 100)
    for number in sorted(buckets):
        left -= buckets[number]
        if left <= 0:
            return middle_of(number)
    return None


def middle_of(number: int) -> float:
    """Return the seconds that stand for a bucket."""
    return BOUNDS[0] * math.exp2((number - 0.5) / PER_DOUBLING)
