"""What a server has seen, which rules that is against, and what of it is over a budget."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.observe.findings import findings_of
from hybrid.adapters.django.migrate.report.json import as_finding

#: Of the JSON. It grows by one whenever something is taken away or means something else.
SCHEMA: Final = 1
_SAME: Final = ("since", "seconds", "processes", "missing")


@dataclass(frozen=True)
class Limits:
    """What is too much, for any view on any lane.

    Attributes:
        stall: seconds that a request may hold the event loop; None for as long as it likes, as below.
        p95: seconds until the head of the response.
        failed: percentage of the requests that may fail.
        queries: of a request, on average.
        level: findings as bad as this are too much.
    """

    stall: float | None = None
    p95: float | None = None
    failed: float | None = None
    queries: float | None = None
    level: Level | None = None


class Observed:
    """What there is to report.

    Args:
        answer: what the server says.
        limits: what is too much.
    """

    def __init__(self, answer: Mapping[str, Any], limits: Limits) -> None:
        self._answer = answer
        self._limits = limits
        self.findings: list[Finding] = findings_of(answer)
        self.views: list[dict[str, Any]] = [self._view(each) for each in answer["views"]]

    def __repr__(self) -> str:
        return f"<Observed, {len(self.views)} views>"

    @cached_property
    def over(self) -> list[str]:
        """What is too much, each in one line: by the limits, and by the server's ``[lane_budget]``."""
        found = [f"{each['name']} on asgi: {each['over']}" for each in self._answer["views"] if each["over"]]
        for view in self.views:
            for lane, figures in view["lanes"].items():
                found += [f"{view['name']} on {lane}: {said}" for said in self._too_much(figures)]
        levels = [*Level]
        if self._limits.level is not None:
            worst = levels.index(self._limits.level)
            bad = [each for each in self.findings if levels.index(each.level) <= worst]
            found += [f"{each.rule} {where(each)}" for each in bad]
        return found

    def _too_much(self, figures: Mapping[str, Any]) -> Iterator[str]:
        limits, calls = self._limits, figures["calls"] or 1
        if limits.stall is not None and figures["stalls"]["longest"] > limits.stall:
            yield f"a stall of {figures['stalls']['longest']:.2f} s"
        if limits.p95 is not None and (figures["p95"] or 0) > limits.p95:
            yield f"p95 {figures['p95']:.3f} s"
        if limits.failed is not None and 100 * figures["failed"] / calls > limits.failed:
            yield f"{100 * figures['failed'] / calls:.1f} % of {figures['calls']:,} calls failed"
        if limits.queries is not None and figures["queries"] / calls > limits.queries:
            yield f"{figures['queries'] / calls:.1f} queries a call"

    def as_json(self) -> str:
        """Return it for programs: ``schema.json``, beside this, says what is in it."""
        said = {
            "schema": SCHEMA,
            "kind": "observe",
            **{name: self._answer[name] for name in _SAME},
            "views": self.views,
            "findings": [as_finding(each) for each in self.findings],
            "budget": self._answer["budget"],
            "over": self.over,
        }
        return json.dumps(said, indent=2, ensure_ascii=False)

    @property
    def seconds(self) -> float:
        """How long somebody has looked."""
        return float(self._answer["seconds"])

    @property
    def processes(self) -> int:
        """How many processes have answered."""
        return int(self._answer["processes"])

    @property
    def missing(self) -> list[int]:
        """The processes that have not."""
        return [*self._answer["missing"]]

    def _view(self, view: Mapping[str, Any]) -> dict[str, Any]:
        lanes = {
            lane: {**figures, "stalls": self._stalls(view["name"], lane)}
            for lane, figures in view["lanes"].items()
        }
        return {"name": view["name"], "path": view["path"], "lanes": lanes}

    def _stalls(self, view: str, lane: str) -> dict[str, Any]:
        found = [
            each
            for each in self._answer["events"]
            if (each["what"], each["view"], each["lane"]) == ("stall", view, lane)
        ]
        stacks = [_stack(each) for each in found if each["frames"]]
        return {
            "count": sum(each["count"] for each in found),
            "longest": max((each["longest"] for each in found), default=0.0),
            "stacks": sorted(stacks, key=lambda each: -float(each["longest"])),
        }


def _stack(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"count": event["count"], "longest": event["longest"], "frames": [*event["frames"]]}


def where(finding: Finding) -> str:
    """Say where something was seen: at a line, or else in requests for which views."""
    place = finding.place
    return f"at {place.file}:{place.line}" if place.file else f"in {', '.join(finding.routes)}"
