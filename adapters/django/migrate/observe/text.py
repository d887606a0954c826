"""What a server has seen, for people: a table, stalls with their stacks, findings, and what is too much."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.observe.report import Observed, where
from hybrid.server.ops.escape import tame

_HEADINGS: Final = (
    *("VIEW", "LANE", "CALLS", "FAILED", "P50", "P95", "P99", "HOPS", "THREADS", "STALLS", "LONGEST"),
    *("QUERIES", "CONNECTIONS", "ALSO"),
)
#: Columns of words, which begin below each other; numbers end so.
_WORDS: Final = ("VIEW", "LANE", "ALSO")
#: What most views have none of.
_ALSO: Final = {
    "collected": "{} collected",
    "synchronous_only": "{} synchronous-only",
    "cancelled": "{} cancelled",
    "unfinished": "{} unfinished",
}
_FRAMES: Final = 12  # of a stack
_STACKS: Final = 3  # of a view on a lane


def as_text(observed: Observed) -> str:
    """Return it as text."""
    blocks = [
        [_table(observed)],
        [*_stalls(observed)],
        [*map(_finding, observed.findings)],
        [f"over budget: {each}" for each in observed.over],
        [_total(observed)],
    ]
    lines = "\n\n".join("\n".join(block) for block in blocks if block).split("\n")
    return "\n".join(map(tame, lines))


def _table(observed: Observed) -> str:
    rows = [
        _row(view["name"], lane, figures)
        for view in observed.views
        for lane, figures in view["lanes"].items()
    ]
    lines = [_HEADINGS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if heading in _WORDS else cell.rjust(width)
            for cell, width, heading in zip(line, widths, _HEADINGS, strict=True)
        ).rstrip()
        for line in lines
    )


def _row(name: str, lane: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    calls, stalls = figures["calls"], figures["stalls"]
    also = [text.format(figures[key]) for key, text in _ALSO.items() if figures[key]]
    return (
        *(name, lane, f"{calls:,}", f"{figures['failed']:,}"),
        *(_seconds(figures[each]) for each in ("p50", "p95", "p99")),
        *(_each(figures["hops"], calls), f"{figures['threads']:,}"),
        *(f"{stalls['count']:,}", _seconds(stalls["longest"] or None)),
        *(_each(figures["queries"], calls), f"{figures['connections']:,}", ", ".join(also)),
    )


def _each(number: int, calls: int) -> str:
    """Say how many there were for each call."""
    return f"{number / calls:.3g}" if calls else "-"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds >= 0.9995 else f"{seconds * 1000:.3g} ms"


def _stalls(observed: Observed) -> Iterator[str]:
    for view in observed.views:
        for lane, figures in view["lanes"].items():
            for stack in figures["stalls"]["stacks"][:_STACKS]:
                times = f"{stack['count']:,} x, {_seconds(stack['longest'])} at most"
                yield f"stall in {view['name']} on {lane}: {times}"
                yield from (f"    {frame}" for frame in stack["frames"][:_FRAMES])
                if (more := len(stack["frames"]) - _FRAMES) > 0:
                    yield f"    and {more} more"
            if (more := len(figures["stalls"]["stacks"]) - _STACKS) > 0:
                yield f"    and {more} more stacks, which --format json has"


def _finding(finding: Finding) -> str:
    title = RULES[finding.rule].title
    return f"{finding.level} {finding.rule}: {title}\n  {where(finding)}\n  {finding.evidence}"


def _total(observed: Observed) -> str:
    processes = f"{observed.processes} process{'es' if observed.processes != 1 else ''}"
    return f"seen in {observed.seconds:.0f} s, {processes}; hops and queries are of a call"
