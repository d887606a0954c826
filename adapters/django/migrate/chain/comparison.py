"""Whether a simulated chain costs what a request has cost that was served."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hybrid.adapters.django.migrate.chain.model import Chain, Lane, Purpose, counted

Counted = Counter[tuple[str, str]]

#: Hops that hang on what the answer is, and not on the chain.
_OF_ANSWER: Final[set[str]] = {"exception", "log", "own", Purpose.TEMPLATE, Purpose.RENDER}
#: Those that are not counted where the view was not reached.
_OF_VIEW: Final[set[str]] = {Purpose.VIEW_HOOK, Purpose.VIEW}


@dataclass(frozen=True)
class Compared:
    """What has come of comparing.

    Attributes:
        lane: which chain.
        status: of the response.
        error: what the handler has raised instead of answering.
        reached: how far the request came: ``view``, ``process_view``, ``no route``, or ``before`` where a
            middleware answered.
        view: what answered.
        is_async: whether that is asynchronous.
        simulated, counted: the hops of the chain, as worked out and as seen, as far as the request came.
        other: the hops besides, by purpose: of the project's own code, of errors, of templates.
        agrees: None where the request did not come far enough to tell, or failed as the chain says that it
            may.
    """

    lane: Lane
    status: int
    error: str
    reached: str
    view: str
    is_async: bool
    simulated: int
    counted: int
    other: dict[str, int]
    differences: tuple[str, ...]
    agrees: bool | None


def compare(chain: Chain, run: Mapping[str, Any]) -> Compared:
    """Compare a chain with what a process has answered on one run."""
    reached, is_async = str(run["reached"]), bool(run["view_is_async"])
    left_out = _OF_ANSWER if reached == "view" else _OF_ANSWER | _OF_VIEW
    expected = _without(counted(chain.hops(is_async=is_async)), left_out)
    everything = Counter((hop["kind"], hop["purpose"]) for hop in run["hops"])
    seen = _without(everything, left_out)
    differences = tuple(_differences(expected, seen))
    return Compared(
        chain.lane,
        int(run["status"]),
        str(run["error"]),
        reached,
        str(run["view"]),
        is_async,
        expected.total(),
        seen.total(),
        _by_purpose(everything, _OF_ANSWER),
        differences,
        None if reached == "before" or (chain.problems and run["status"] == 500) else not differences,
    )


def _without(hops: Counted, purposes: set[str]) -> Counted:
    return Counter({each: number for each, number in hops.items() if each[1] not in purposes})


def _by_purpose(hops: Counted, purposes: set[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, purpose), number in hops.items():
        if purpose in purposes:
            found[purpose] += number
    return dict(found)


def _differences(expected: Counted, seen: Counted) -> list[str]:
    both = sorted(expected.keys() | seen.keys())
    return [
        f"{kind} for {purpose}: simulated {expected[kind, purpose]}, counted {seen[kind, purpose]}"
        for kind, purpose in both
        if expected[kind, purpose] != seen[kind, purpose]
    ]
