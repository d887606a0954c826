"""Small projects, written for one test each."""

import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from hybrid.adapters.django.migrate.checks import (
    Checked,
    load_rules,
    look_at_facts,
    look_at_source,
    look_at_whole,
)
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.source.sources import Sources, read_sources

#: Writes files, by their paths below the project, and reads them.
Write = Callable[..., Sources]


def write_sources(root: Path, files: dict[str, str]) -> Sources:
    """Write Python files, each folder of which becomes a package, and read them."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        for folder in path.relative_to(root).parents:
            if folder != Path() and name.endswith(".py"):
                (root / folder / "__init__.py").touch()
    return read_sources(root, [root])


def findings_in(sources: Sources, facts: Facts | None = None) -> list[Finding]:
    """Return what all checks find, in the order in which they do."""
    load_rules()
    checked = Checked()
    look_at_source(sources.modules, sources, checked)
    look_at_whole(sources, checked)
    if facts is not None:
        look_at_facts(facts, sources, checked)
    assert checked.broken == []
    return checked.findings


def rules_at(findings: Iterable[Finding]) -> list[tuple[str, str, int]]:
    """Return the rule, file and line of each."""
    return sorted((each.rule, each.place.file, each.place.line) for each in findings)


def finding(
    rule: str = "HM101", file: str = "a.py", line: int = 1, symbol: str = "a.f", **more: object
) -> Finding:
    """Return a finding as a check would make it."""
    said: dict[str, object] = {
        "level": Level.ERROR,
        "confidence": Confidence.CERTAIN,
        "place": Place(file, line, line, symbol),
        "evidence": "it is so",
        "seen": Seen.STATIC,
        "fix": Fix(FixKind.AUTO, "change it"),
        **more,
    }
    return Finding(rule, **said)  # type: ignore[arg-type]
