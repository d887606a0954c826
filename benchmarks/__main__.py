"""The command line: chooses works, measures them in turn, and prints a table of each."""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.comparison import comparisons
from benchmarks.loads.plan import Download, Steady
from benchmarks.report import as_json, conditions, report
from benchmarks.rounds import Entry, Settings, measure_work
from benchmarks.servers import separate_cpus
from benchmarks.work import Work
from benchmarks.works import WORKS
from benchmarks.works.transfers import FULL_SECONDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a server failed or, with `--strict`, hybrid missed a target, else 0."""
    parser = _parser()
    options = parser.parse_args(arguments)
    works = [work for name in options.only or WORKS for work in WORKS[name]]
    if options.client == "wrk":
        if shutil.which("wrk") is None:
            parser.error("argument --client: wrk is not installed")
        works = [work for work in works if _can_wrk(work)]
    if options.full:
        works = [_in_full(work) for work in works]
    if options.baseline:
        works = [_with_baseline(work, options.baseline) for work in works]
    if not works:
        parser.error("argument --only: wrk cannot do this work")
    cpus = separate_cpus() if options.pin else frozenset[int]()
    settings = Settings(options.rounds, options.seconds, client=options.client, server_cpus=cpus)
    return _run(works, settings, options.json, options.strict)


def _run(works: list[Work], settings: Settings, file: Path | None, strict: bool) -> int:
    facts = conditions(works, settings)
    print(*(f"{name}: {value}" for name, value in facts.items()), "", sep="\n", flush=True)
    results = [(work, _measure(work, settings)) for work in works]
    if file:
        document: dict[str, Any] = {"conditions": facts, "works": [as_json(*result) for result in results]}
        file.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(_passed(*result, strict) for result in results) else 1


def _measure(work: Work, settings: Settings) -> list[Entry]:
    entries = measure_work(work, settings, lambda line: print(line, file=sys.stderr, flush=True))
    print(report(work, entries, settings), flush=True)
    return entries


def _passed(work: Work, entries: list[Entry], strict: bool) -> bool:
    """Whether no server failed and, if `strict`, every target was compared and reached."""
    if any(entry.failure for entry in entries):
        return False
    return not strict or all(each.reached for each in comparisons(work, entries) if each.limit is not None)


def _can_wrk(work: Work) -> bool:
    return isinstance(work.load, Steady) and work.load.protocol in ("http", "https")


def _with_baseline(work: Work, source: Path) -> Work:
    baseline = replace(work.hybrid, name="hybrid (baseline)", path=str(source))
    return replace(work, peers=(baseline, *work.peers))


def _in_full(work: Work) -> Work:
    """Let a slow reader be slow to the end."""
    return replace(work, seconds=FULL_SECONDS) if isinstance(work.load, Download) and work.load.pace else work


def _parser() -> argparse.ArgumentParser:
    rounds = "times each server is measured (default: by the work)"
    seconds = "length of one measurement (default: by the work)"
    parser = argparse.ArgumentParser("python benchmarks/run.py", description="Compare hybrid with its peers.")
    add = parser.add_argument
    add("--only", action="append", choices=WORKS, help="measure this work only; may be repeated")
    add("--rounds", type=_rounds, metavar="N", help=rounds)
    add("--seconds", type=_seconds, metavar="S", help=seconds)
    add("--json", type=Path, metavar="FILE", help="write all figures to FILE, every round included")
    add("--client", choices=["own", "wrk"], default="own", help="load generator; wrk is for HTTP works only")
    add("--baseline", type=_checkout, metavar="DIR", help="also measure the hybrid of another checkout")
    add("--full", action="store_true", help="read the whole download slowly: two minutes for each server")
    add("--no-pin", dest="pin", action="store_false", help="let the system choose CPUs for server and client")
    add("--strict", action="store_true", help="exit 1 also when a target is missed or could not be compared")
    return parser


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 600")
    return seconds


def _checkout(text: str) -> Path:
    source = Path(text).resolve() / "src"
    if not (source / "hybrid").is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a checkout: it has no src/hybrid")
    return source


if __name__ == "__main__":
    sys.exit(main())
