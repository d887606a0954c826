"""The arithmetic of a comparison: hybrid's figure or its ratio to a peer's, all rounds, and the target."""

import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.loads.outcome import Outcome
from benchmarks.rounds import Entry
from benchmarks.work import BEST, Figure, Target, Work


@dataclass(frozen=True)
class Spread:
    """A figure or a ratio over all rounds."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Sum the values up; None when there are none."""
        return cls(statistics.median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Comparison:
    """One line of the verdict: the figure of hybrid, or its ratio to the same of `peer`, and the limit."""

    figure: Figure
    peer: str
    spread: Spread | None
    limit: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the median keeps the limit; None when there is no limit, or nothing to compare."""
        if self.spread is None or self.limit is None:
            return None
        if self.figure.higher_is_better:
            return self.spread.median >= self.limit
        return self.spread.median <= self.limit


def comparisons(work: Work, entries: Sequence[Entry]) -> Iterator[Comparison]:
    """Compare by the targets, then peers without a target by the first figure; hybrid is the first entry."""
    hybrid, *peers = entries
    by_name = {entry.contestant.name: entry.outcomes for entry in peers}
    for target in work.targets:
        theirs = _theirs(target, peers) if target.peer else None
        yield _compare(target.figure, hybrid.outcomes, theirs, target)
    aimed_at = {target.peer for target in work.targets}
    for name, outcomes in by_name.items():
        if name not in aimed_at:
            spread = ratio(work.figures[0].read, hybrid.outcomes, outcomes)
            yield Comparison(work.figures[0], name, spread, None)


def ratio(
    read: Callable[[Outcome], float], hybrid: Sequence[Outcome], peer: Sequence[Outcome]
) -> Spread | None:
    """Divide round by round, so that a machine that slows down slows both sides; None without a round."""
    pairs = [(read(ours), read(theirs)) for ours, theirs in zip(hybrid, peer, strict=False)]
    return Spread.of([ours / theirs for ours, theirs in pairs if theirs > 0])


def _theirs(target: Target, peers: Sequence[Entry]) -> Sequence[Outcome]:
    """Pick the outcomes to compare with, one for each round."""
    if target.peer != BEST:
        return next(entry.outcomes for entry in peers if entry.contestant.name == target.peer)
    choose = max if target.figure.higher_is_better else min
    rivals = [entry.outcomes for entry in peers if not entry.contestant.is_ours]
    rounds = ([each for each in row if each] for row in itertools.zip_longest(*rivals))
    return [choose(row, key=target.figure.read) for row in rounds]


def _compare(
    figure: Figure, hybrid: Sequence[Outcome], peer: Sequence[Outcome] | None, target: Target
) -> Comparison:
    own = Spread.of([figure.read(outcome) for outcome in hybrid])
    spread = own if peer is None else ratio(figure.read, hybrid, peer)
    return Comparison(figure, target.peer, spread, target.limit)
