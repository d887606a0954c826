"""The arithmetic of a comparison, and how it is shown: a table for people, JSON for programs."""

import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.contestants import version
from benchmarks.load import Outcome
from benchmarks.rounds import Entry, Settings
from benchmarks.works import Work

HEADINGS = (
    "server",
    "CPU µs/request",
    "requests/s",
    "server CPU",
    "client CPU",
    "other CPU",
    "hybrid/peer (min to max)",
    "target",
    "reached",
)


@dataclass(frozen=True)
class Ratio:
    """hybrid's CPU per request divided by a peer's, over all rounds."""

    median: float
    lowest: float
    highest: float


def cpu_per_request(outcome: Outcome) -> float:
    """Microseconds of CPU that the server used per checked answer."""
    return outcome.server_cpu / outcome.answers * 1e6


def compare(hybrid: Sequence[Outcome], peer: Sequence[Outcome]) -> Ratio | None:
    """Divide round by round, so that a machine that slows down slows both sides; None without a round."""
    pairs = zip(hybrid, peer, strict=False)
    ratios = [cpu_per_request(ours) / cpu_per_request(theirs) for ours, theirs in pairs if theirs.server_cpu]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def reached(ratio: Ratio | None, target: float | None) -> bool | None:
    """Whether the median keeps the target; None when there is nothing to compare or no target."""
    return None if ratio is None or target is None else ratio.median <= target


def table(work: Work, entries: Sequence[Entry]) -> str:
    """A Markdown table of one work, one row a server; what is missing or failed is explained below it."""
    rows = [HEADINGS, *(_row(entries[0], entry) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    title = f"{work.name} ({work.connections} connections)"
    return "\n".join((title, "", *lines, "", *_remarks(entries)))


def _row(hybrid: Entry, entry: Entry) -> tuple[str, ...]:
    target = "" if entry.target is None else f"<= {entry.target}"
    if not entry.outcomes or entry.failure:
        state = "FAILED" if entry.failure else "not installed"
        return (entry.contestant.name, state, "", "", "", "", "", target, "")
    ratio = None if entry is hybrid else compare(hybrid.outcomes, entry.outcomes)
    outcomes = entry.outcomes
    return (
        entry.contestant.name,
        f"{statistics.median(map(cpu_per_request, outcomes)):.1f}",
        f"{statistics.median(outcome.answers / outcome.seconds for outcome in outcomes):.0f}",
        f"{statistics.median(outcome.server_cpu / outcome.seconds for outcome in outcomes):.0%}",
        f"{statistics.median(outcome.client_cpu / outcome.seconds for outcome in outcomes):.0%}",
        f"{statistics.median(outcome.other_cpu / outcome.seconds for outcome in outcomes):.0%}",
        f"{ratio.median:.3f} ({ratio.lowest:.3f} to {ratio.highest:.3f})" if ratio else "",
        target,
        {None: "", True: "yes", False: "no"}[reached(ratio, entry.target)],
    )


def _remarks(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.failure:
            yield f"{entry.contestant.name} failed: {entry.failure}\n"
        if entry.missing:
            yield f"{entry.contestant.name} needs: pip install {' '.join(entry.missing)}\n"


def as_json(work: Work, entries: Sequence[Entry]) -> dict[str, Any]:
    """Everything that was measured in one work, every round included."""
    servers = [_server(entries[0], entry) for entry in entries]
    return {"work": work.name, "connections": work.connections, "servers": servers}


def _server(hybrid: Entry, entry: Entry) -> dict[str, Any]:
    ratio = None if entry is hybrid else compare(hybrid.outcomes, entry.outcomes)
    return {
        "name": entry.contestant.name,
        "command": ["python", "-m", *entry.contestant.arguments],
        "versions": {name: version(name) for name in entry.contestant.packages},
        "rounds": [asdict(outcome) for outcome in entry.outcomes],
        "missing": entry.missing,
        "failure": entry.failure,
        "ratio": asdict(ratio) if ratio else None,
        "target": entry.target,
        "reached": reached(ratio, entry.target),
    }


def conditions(works: Sequence[Work], settings: Settings) -> dict[str, str]:
    """What a reader must know to judge the figures: machine, settings, and versions of all that take part."""
    contestants = [
        each for work in works for each in (work.hybrid, *(peer.contestant for peer in work.peers))
    ]
    cpus = settings.server_cpus
    packages = dict.fromkeys(name for contestant in contestants for name in contestant.packages)
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "load before": _load(),
        "rounds": f"{settings.rounds} of {settings.seconds:g} s, after {settings.warm_up:g} s of warm-up",
        "client": settings.client,
        "servers on": f"CPU {', '.join(map(str, sorted(cpus)))}, client on another" if cpus else "any CPU",
        **{name: version(name) or "not installed" for name in packages},
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
