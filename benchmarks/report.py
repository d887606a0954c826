"""How results are shown: tables for people, JSON for programs."""

import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.comparison import Comparison, comparisons
from benchmarks.contestants import version
from benchmarks.rounds import Entry, Settings
from benchmarks.work import Figure, Work

SHARES = (
    Figure("server CPU", lambda outcome: outcome.server_cpu / outcome.seconds, ".0%"),
    Figure("client CPU", lambda outcome: outcome.client_cpu / outcome.seconds, ".0%"),
    Figure("other CPU", lambda outcome: outcome.other_cpu / outcome.seconds, ".0%"),
)


def report(work: Work, entries: Sequence[Entry], settings: Settings) -> str:
    """Two Markdown tables of a work, figures and comparisons; below, what is missing or failed."""
    title = f"{work.name}; {settings.rounds_of(work)} rounds of {settings.seconds_of(work):g} s"
    figures = (*work.figures, *SHARES)
    rows = [_figures(figures, entry) for entry in entries]
    verdicts = [_verdict(comparison) for comparison in comparisons(work, entries)]
    tables = [table(("server", *(figure.name for figure in figures)), rows)]
    if verdicts:
        tables.append(table(("hybrid", "median (min to max)", "target", "reached"), verdicts))
    return "\n".join((title, "", *("\n".join((*lines, "")) for lines in tables), *_remarks(entries)))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay out a Markdown table, its columns aligned."""
    rows = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def _figures(figures: Sequence[Figure], entry: Entry) -> list[str]:
    name = entry.contestant.name
    if not entry.outcomes or entry.failure:
        state = "FAILED" if entry.failure else "not installed"
        return [name, state, *[""] * (len(figures) - 1)]
    return [name, *(f"{statistics.median(map(each.read, entry.outcomes)):{each.form}}" for each in figures)]


def _verdict(comparison: Comparison) -> tuple[str, ...]:
    figure, spread = comparison.figure, comparison.spread
    form = ".3f" if comparison.peer else figure.form
    sign = ">=" if figure.higher_is_better else "<="
    return (
        f"{figure.name} / {comparison.peer}" if comparison.peer else figure.name,
        f"{spread.median:{form}} ({spread.lowest:{form}} to {spread.highest:{form}})" if spread else "",
        "" if comparison.limit is None else f"{sign} {comparison.limit:g}",
        {None: "", True: "yes", False: "no"}[comparison.reached],
    )


def _remarks(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.failure:
            yield f"{entry.contestant.name} failed: {entry.failure}\n"
        if entry.missing:
            yield f"{entry.contestant.name} needs: pip install {' '.join(entry.missing)}\n"


def as_json(work: Work, entries: Sequence[Entry]) -> dict[str, Any]:
    """Everything that was measured in one work, every round included."""
    return {
        "work": work.name,
        "load": {"kind": type(work.load).__name__, **asdict(work.load)},
        "servers": [_server(entry) for entry in entries],
        "comparisons": [_comparison(each) for each in comparisons(work, entries)],
    }


def _server(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.contestant.name,
        "command": ["python", "-m", *entry.contestant.arguments],
        "versions": {name: version(name) for name in entry.contestant.packages},
        "rounds": [asdict(outcome) for outcome in entry.outcomes],
        "missing": entry.missing,
        "failure": entry.failure,
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "figure": comparison.figure.name,
        "peer": comparison.peer or None,
        "spread": asdict(comparison.spread) if comparison.spread else None,
        "target": comparison.limit,
        "reached": comparison.reached,
    }


def conditions(works: Sequence[Work], settings: Settings) -> dict[str, str]:
    """What a reader must know to judge the figures: machine, settings, and versions of all that take part."""
    contestants = [each for work in works for each in (work.hybrid, *work.peers)]
    cpus = settings.server_cpus
    packages = dict.fromkeys(name for contestant in contestants for name in contestant.packages)
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "load before": _load(),
        "warm-up": f"{settings.warm_up:g} s",
        "client": settings.client,
        "servers on": f"CPU {', '.join(map(str, sorted(cpus)))}, client on another" if cpus else "any CPU",
        **{name: version(name) or "not installed" for name in packages},
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
