"""How much worse a view may do on the lane that it was moved to: ``[lane_budget]``."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from hybrid.adapters.django.lanes.figures import Counts
from hybrid.bridge.errors import ConfigError

_NAME: Final = "lane_budget"
#: So many failures, or stalls, may be chance, whatever share they are of few requests.
_CHANCE: Final = 1
#: Seconds that responses must be later, besides the ratio: any noise is a multiple of what is short.
_NOISE: Final = 0.010
#: What each number may be: the least, the most, and what it is.
_RANGES: Final = {
    "errors": (0, 100, "percentage points from 0 to 100"),
    "p95": (1, 1000, "a multiple from 1 to 1000"),
    "stalls": (0, 1000, "a number for each 1000 requests, from 0 to 1000"),
    "stall": (0.001, 60, "seconds from 0.001 to 60"),
    "window": (1, 3600, "seconds from 1 to 3600"),
    "requests": (1, 1_000_000, "a whole number from 1 to 1000000"),
}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a view may cost on its new lane, compared with the old lane.

    Attributes:
        errors: how many percentage points more of its requests may fail.
        p95: how many times as long the 95th percentile may be until the head of the response.
        stalls: how many more stalls of the event loop there may be in 1000 requests.
        stall: the seconds that a request may hold the loop without a pause; what is longer is a stall.
        window: the seconds of which requests are compared.
        requests: how many there must be on the new lane, in the window, before it is judged.
    """

    errors: float = 1.0
    p95: float = 1.5
    stalls: float = 1.0
    stall: float = 0.1
    window: float = 60.0
    requests: int = 20

    def to_json(self) -> dict[str, float]:
        """Return what JSON can say: the table that it was read from."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def parse_budget(table: Mapping[str, Any] | None) -> Budget | None:
    """Read the table ``[lane_budget]``; without one there is no budget, with an empty one the defaults.

    Raises:
        ConfigError: a key is none of this table, or its value cannot be one; the message names it.
    """
    if table is None:
        return None
    for key, value in table.items():
        _check(key, value)
    return Budget(**table)


def _check(key: str, value: Any) -> None:
    if key not in _RANGES:
        raise ConfigError(f"{_NAME}.{key}: there is no such key: {', '.join(_RANGES)} are")
    low, high, wanted = _RANGES[key]
    kinds = (int,) if key == "requests" else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"{_NAME}.{key}: {value!r} is not {wanted}")


def judge(budget: Budget, new: Counts, old: Counts, old_lane: str = "the old lane") -> str | None:
    """Return why a view should go back to its old lane, in one line for the log; None where it may stay.

    Where the old lane has no requests, errors and stalls are judged by themselves, and times are not.

    Args:
        budget: what is allowed.
        new: the counts of the new lane in a window.
        old: those of the old lane in the same window, or in the one before the view was moved.
        old_lane: what the line calls the old lane.
    """
    if new.requests < budget.requests:
        return None
    return (
        _judge_errors(budget, new, old, old_lane)
        or _judge_times(budget, new, old, old_lane)
        or _judge_stalls(budget, new, old, old_lane)
    )


def _judge_errors(budget: Budget, new: Counts, old: Counts, old_lane: str) -> str | None:
    now, before = (100 * _share(each.errors, each) for each in (new, old))
    if new.errors <= _CHANCE or now - before <= budget.errors:
        return None
    beside = _beside(old, old_lane, f"{before:.1f} % of")
    return f"errors {now:.1f} % of {new.requests:,} requests, {beside}"


def _judge_times(budget: Budget, new: Counts, old: Counts, old_lane: str) -> str | None:
    now, before = new.p95, old.p95
    if now is None or before is None or old.requests < budget.requests:
        return None
    if now <= before * budget.p95 or now - before < _NOISE:
        return None
    beside = _beside(old, old_lane, f"{before * 1000:,.0f} ms of")
    return f"p95 {now * 1000:,.0f} ms of {new.requests:,} requests, {beside}"


def _judge_stalls(budget: Budget, new: Counts, old: Counts, old_lane: str) -> str | None:
    now, before = (1000 * _share(each.stalls, each) for each in (new, old))
    if new.stalls <= _CHANCE or now - before <= budget.stalls:
        return None
    beside = _beside(old, old_lane, f"{old.stalls:,} in")
    return f"{new.stalls:,} stalls over {budget.stall:g} s in {new.requests:,} requests, {beside}"


def _share(part: int, counts: Counts) -> float:
    return part / counts.requests if counts.requests else 0.0


def _beside(old: Counts, old_lane: str, figure: str) -> str:
    return f"on {old_lane} {figure} {old.requests:,}" if old.requests else f"on {old_lane} there were none"
