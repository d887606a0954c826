"""Audits Django projects as they are published: `python -m benchmarks.audited DIRECTORY [PROJECT…]`.

Each is installed below the directory, with pip, into an environment of its own; once. What the audit finds
is compared with `verdicts.toml`, where each finding of the level "error" has been judged by reading the
source: what is new is listed, and what is not found any more. This takes minutes and a network, so no part
of CI runs it.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.audited.projects import Project, Workshop, projects
from benchmarks.audited.verdicts import Key, Verdict, verdicts

_HEADINGS = ("project", "lines", "routes", "CPU s", "MiB", "errors", "right", "wrong", "warnings", "notes")


def main() -> None:
    """Audit what the command line names, and print a table and what differs."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    below, names = Path(sys.argv[1]), sys.argv[2:]
    rows: list[tuple[str, ...]] = []
    remarks: list[str] = []
    for project in projects(names):
        print(f"{project.name} …", file=sys.stderr, flush=True)
        workshop = Workshop(project, below)
        workshop.prepare()
        row, said = _audited(project, workshop)
        rows.append(row)
        remarks += said
    _print([_HEADINGS, *rows])
    print(*remarks, sep="\n")


def _audited(project: Project, workshop: Workshop) -> tuple[tuple[str, ...], list[str]]:
    """Return the line of the table, and what there is to say."""
    done, report = workshop.audit()
    ran = {"audit": done, **{each: workshop.run(each) for each in ("routes", "chain")}}
    expected = 3 if project.fails else 0
    remarks = [
        f"{project.name}: {command}: exit code {each.code}: {each.said[-2000:]}"
        for command, each in ran.items()
        if each.code != expected
    ]
    if not report:
        return (project.name, *["-"] * (len(_HEADINGS) - 1)), remarks
    found, judged = Counter(_errors(project, workshop, report)), verdicts(project.name)
    counts = report["counts"]
    figures = (
        f"{report['project']['lines']:,}",
        str(len(report["routes"])),
        f"{done.seconds:.1f}",
        f"{done.memory:.0f}",
        str(counts["error"]),
        *(
            str(sum(count for key, count in found.items() if _is(judged.get(key), right)))
            for right in (True, False)
        ),
        str(counts["warning"]),
        str(counts["note"]),
    )
    return (project.name, *figures), [*remarks, *compared(set(found), judged)]


def _errors(project: Project, workshop: Workshop, report: dict[str, Any]) -> Iterator[Key]:
    for each in report["findings"]:
        if each["level"] == "error":
            yield Key(project.name, each["rule"], workshop.named(each["file"]), each["symbol"])


def _is(verdict: Verdict | None, right: bool) -> bool:
    return verdict is not None and verdict.right is right


def compared(found: set[Key], judged: dict[Key, Verdict]) -> Iterator[str]:
    """Say what nobody has judged, what is not found any more, and what is wrong and should not be."""
    yield from (f"unchecked: {each}" for each in sorted(found - judged.keys()))
    for key in sorted(judged):
        if judged[key].mended and key in found:
            yield f"found again, and wrong: {key}"
        elif not judged[key].mended and key not in found:
            yield f"not found any more: {key}"


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
