"""What ``hybrid migrate observe`` has seen of the views of a running server."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.report.from_json import finding_from_json

#: The version of its JSON that is known.
SCHEMA: Final = 1


@dataclass(frozen=True)
class Seen:
    """What has come of the requests for a view on one lane, while somebody looked.

    Attributes:
        calls, failed: how many there were, and how many of them failed.
        p50, p95: seconds until the head of the response; None where there were none.
        hops, queries: all of them together.
        stalls: how often a request has held up the event loop.
        longest: seconds of the longest stall.
        stack: where that was, the innermost frame first.
        collected: streams that were read whole before the first byte was sent.
        synchronous_only: how often SynchronousOnlyOperation was raised.
        cancelled, unfinished: requests whose client has left, and those that were begun and not ended.
    """

    calls: int = 0
    failed: int = 0
    p50: float | None = None
    p95: float | None = None
    hops: int = 0
    queries: int = 0
    stalls: int = 0
    longest: float = 0.0
    stack: tuple[str, ...] = ()
    collected: int = 0
    synchronous_only: int = 0
    cancelled: int = 0
    unfinished: int = 0

    def and_of(self, other: "Seen") -> "Seen":
        """Return both together; the times are of the one with more calls, as they cannot be added up."""
        more = self if self.calls >= other.calls else other
        worse = self if self.longest >= other.longest else other
        added = ("calls", "failed", "hops", "queries", "stalls", *_COUNTS)
        sums = {name: getattr(self, name) + getattr(other, name) for name in added}
        return Seen(**sums, p50=more.p50, p95=more.p95, longest=worse.longest, stack=worse.stack)

    @property
    def failures(self) -> float:
        """The percentage of the requests that have failed."""
        return 100 * self.failed / self.calls if self.calls else 0.0


_COUNTS: Final = ("collected", "synchronous_only", "cancelled", "unfinished")

#: By view and lane.
Views = dict[str, dict[str, Seen]]


@dataclass(frozen=True)
class Observation:
    """What was seen in all.

    Attributes:
        seconds: how long somebody has looked.
        findings: rules that were seen to apply while the project was served.
    """

    seconds: float = 0.0
    views: Views = field(default_factory=Views)
    findings: tuple[Finding, ...] = ()

    @property
    def calls(self) -> int:
        """How many requests there were."""
        return sum(seen.calls for lanes in self.views.values() for seen in lanes.values())


def observation_of(said: Mapping[str, Any]) -> Observation:
    """Make one of JSON.

    Raises:
        ValueError: it is something else, in one line.
    """
    if said.get("kind") != "observe" or said.get("schema") != SCHEMA:
        raise ValueError(f"it is no report of hybrid migrate observe with the schema {SCHEMA}")
    try:
        views = {
            str(view["name"]): {lane: _seen(each) for lane, each in view["lanes"].items()}
            for view in said["views"]
        }
        found = tuple(finding_from_json(each) for each in said.get("findings", ()))
        return Observation(float(said["seconds"]), views, found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"it is no report of hybrid migrate observe: {type(error).__name__}: {error}"
        ) from None


def _seen(said: Mapping[str, Any]) -> Seen:
    stalls: dict[str, Any] = said.get("stalls") or {}
    stacks: list[dict[str, Any]] = stalls.get("stacks") or []
    stacks = sorted(stacks, key=lambda each: -float(each.get("longest") or 0))
    return Seen(
        int(said["calls"]),
        int(said.get("failed") or 0),
        _seconds(said.get("p50")),
        _seconds(said.get("p95")),
        int(said.get("hops") or 0),
        int(said.get("queries") or 0),
        int(stalls.get("count") or 0),
        float(stalls.get("longest") or 0),
        tuple(map(str, stacks[0].get("frames") or ())) if stacks else (),
        **{name: int(said.get(name) or 0) for name in _COUNTS},
    )


def _seconds(said: Any) -> float | None:
    return None if said is None else float(said)


def together(observations: Iterable[Observation]) -> Observation | None:
    """Return several as one, such as those of a few days; None without any."""
    known = [*observations]
    if not known:
        return None
    views: Views = {}
    for each in known:
        for name, lanes in each.views.items():
            for lane, seen in lanes.items():
                before = views.setdefault(name, {}).get(lane)
                views[name][lane] = seen if before is None else before.and_of(seen)
    found = dict.fromkeys(finding for each in known for finding in each.findings)
    return Observation(sum(each.seconds for each in known), views, tuple(found))
