"""How long answers took. One request says little, so this is told of and fails nothing by itself."""

from collections.abc import Iterator, Sequence
from typing import Final

from hybrid.adapters.django.migrate.shadow.differences import Difference, What
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome

#: Seconds below which times are those of the machine, and not of the project.
FLOOR: Final = 0.1
#: Times as long is worth a word.
RATIO: Final = 2.0

FIRST_BYTE: Final = "first byte"
END: Final = "end"
STREAM: Final = "stream"


def time_differences(
    olds: Sequence[Outcome], new: Outcome, *, ratio: float = RATIO, note: bool = True
) -> Iterator[Difference]:
    """Tell where the new answer took longer than the old ones, of which there is at least one.

    Args:
        olds: answers of the old lane, of which the slowest counts.
        new: the answer of the new one.
        ratio: how many times as long is told of.
        note: whether that leaves the answers the same.
    """
    if _is_stream(olds) and _is_collected(new):
        firsts = min(_first(each) for each in olds), _first(new)
        yield Difference(What.TIME, STREAM, f"begins after {firsts[0]:.2f} s", _collected(new), note)
        return
    for where, read in ((FIRST_BYTE, _first), (END, _end)):
        old, taken = max(read(each) for each in olds), read(new)
        if taken - old > FLOOR and taken > ratio * max(old, FLOOR / 2):
            yield Difference(What.TIME, where, f"{old:.2f} s", f"{taken:.2f} s", note)
            return


def _first(outcome: Outcome) -> float:
    return outcome.chunks[0] if outcome.chunks else outcome.first_byte


def _end(outcome: Outcome) -> float:
    return outcome.chunks[-1] if outcome.chunks else outcome.first_byte


def _is_stream(outcomes: Sequence[Outcome]) -> bool:
    return all(_end(each) - _first(each) > max(FLOOR, _end(each) / 2) for each in outcomes)


def _is_collected(outcome: Outcome) -> bool:
    return _first(outcome) > FLOOR and _end(outcome) - _first(outcome) < _end(outcome) / 10


def _collected(outcome: Outcome) -> str:
    return f"comes all at once after {_first(outcome):.2f} s"
