"""Audits the planted projects, Django's beside other tools: `make audit-bench`.

Each line of the project that is marked with a rule is one fault. Precision is the part of what was found that
is marked, recall the part of what is marked that was found. Of the other tools it is counted on how many of a
rule's lines they make any remark at all, whatever it is about; `check --deploy` names no lines.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.support import planted_flask
from tests.support.planted import PROJECT, SETTINGS, Spot, audited, environment, found, marks

Lines = set[tuple[str, int]]
_HEADINGS = ("rule", "planted", "found", "wrong", "precision", "recall")


def main() -> None:
    """Print the table, and what it was made with."""
    planted, alike = marks()
    ours = found()
    others = {
        name: lines for name, lines in (("ruff", ruff()), ("flake8-async", flake8())) if lines is not None
    }
    rules = sorted({each.rule for each in planted | ours})
    rows = [_row(rule, planted, ours, others) for rule in rules]
    _print([(*_HEADINGS, *others), *rows, _total(planted, ours, others)])
    print(f"\n{len(alike)} lines look alike and are not; {len(ours & alike)} of them were found")
    print(f"check --deploy: {deploy()}")
    for settings in SETTINGS:
        steps = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in audited(settings).seconds.items())
        print(f"{settings}: {steps}")
    flask()


def flask() -> None:
    """Print the table of the Flask application."""
    planted, alike = marks(planted_flask.PROJECT)
    ours = planted_flask.found()
    rows = [_row(rule, planted, ours, {}) for rule in sorted({each.rule for each in planted | ours})]
    print("\nThe planted Flask application")
    _print([_HEADINGS, *rows, _total(planted, ours, {})])
    print(f"\n{len(alike)} lines look alike and are not; {len(ours & alike)} of them were found")


def ruff() -> Lines:
    """Return the lines of which ruff's rules about asynchronous code, and about Django, say something."""
    program = Path(sys.executable).with_name("ruff")
    options = (
        "--isolated",
        "--preview",
        "--select",
        "ASYNC,DJ",
        "--output-format",
        "json",
        "--exit-zero",
        "--no-cache",
    )
    done = _run([program, "check", *options, "."])
    said = json.loads(done.stdout)
    return {(_below(each["filename"]), each["location"]["row"]) for each in said}


def flake8() -> Lines | None:
    """Return the same of flake8-async, None where it is not installed."""
    program = shutil.which("flake8-async", path=str(Path(sys.executable).parent))
    if program is None:
        return None
    done = _run([program, "--enable", "ASYNC", *map(str, sorted(PROJECT.rglob("*.py")))])
    matches = (re.match(r"(.+?):(\d+):", line) for line in done.stdout.splitlines())
    return {(_below(each[1]), int(each[2])) for each in matches if each}


def deploy() -> str:
    """Return what `manage.py check --deploy` says, by its identifiers."""
    done = _run([sys.executable, "manage.py", "check", "--deploy"])
    said = sorted(set(re.findall(r"\(([a-z_]+\.[WE]\d+)\)", done.stderr)))
    return f"{len(said)} kinds of remarks, of which none names a line: {', '.join(said)}"


def _run(command: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*map(str, command)],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _below(file: str) -> str:
    return (PROJECT / file).resolve().relative_to(PROJECT).as_posix()


def _row(
    rule: str, planted: Iterable[Spot], ours: Iterable[Spot], others: dict[str, Lines]
) -> tuple[str, ...]:
    right = {each for each in planted if each.rule == rule}
    seen = {each for each in ours if each.rule == rule}
    return (rule, *_figures(right, seen), *(_lines(right, lines) for lines in others.values()))


def _total(planted: Iterable[Spot], ours: Iterable[Spot], others: dict[str, Lines]) -> tuple[str, ...]:
    right = set(planted)
    return ("all", *_figures(right, set(ours)), *(_lines(right, lines) for lines in others.values()))


def _figures(right: set[Spot], seen: set[Spot]) -> tuple[str, ...]:
    both = len(right & seen)
    return (
        str(len(right)),
        str(both),
        str(len(seen - right)),
        _share(both, len(seen)),
        _share(both, len(right)),
    )


def _lines(right: Iterable[Spot], lines: Lines) -> str:
    return str(sum((each.file, each.line) in lines for each in right))


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _print(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
