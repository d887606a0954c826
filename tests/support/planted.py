"""The project in `tests/adapters/django/migrate/planted`, and what its comments say is wrong with it."""

import os
import re
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hybrid.adapters.django.migrate.audit import Audit
from hybrid.adapters.django.migrate.gather import Asked
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.project.importing import import_project
from hybrid.adapters.django.migrate.report.report import Report
from tests.support.process import ROOT

PROJECT = ROOT / "tests" / "adapters" / "django" / "migrate" / "planted"
#: The settings that the project is audited with, and the rules that are looked at: None for all.
SETTINGS: dict[str, set[str] | None] = {
    "shop.settings": None,
    "shop.settings_atomic": {"HM106"},
    "shop.settings_served": {
        *("HM201", "HM204", "HM301", "HM302", "HM303", "HM304", "HM309", "HM404", "HM501", "HM502", "HM503"),
        *("HM504", "HM505", "HM506"),
    },
}
_MARK = re.compile(r"#\s*(?P<not>not\s+)?(?P<rules>H[MF]\d{3}(?:[\s,]+H[MF]\d{3})*)\s*(?=#|:|$)")
_READ = {".py", ".toml", ".yml", ".yaml", ".cfg", ".service", ".txt", ""}
_HIDDEN = {"__pycache__", ".ruff_cache"}


@dataclass(frozen=True, order=True)
class Spot:
    """A rule at a line."""

    rule: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.rule} at {self.file}:{self.line}"


@cache
def marks(project: Path = PROJECT) -> tuple[frozenset[Spot], frozenset[Spot]]:
    """Return what is to be found in a planted project, and what looks like it and is not."""
    planted: set[Spot] = set()
    alike: set[Spot] = set()
    for file in sorted(project.rglob("*")):
        if file.is_file() and file.suffix in _READ and not _HIDDEN.intersection(file.parts):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                shown = file.relative_to(project).as_posix()
                for mark in _MARK.finditer(line):
                    spots = {Spot(rule, shown, number) for rule in re.findall(r"H[MF]\d{3}", mark["rules"])}
                    (alike if mark["not"] else planted).update(spots)
    return frozenset(planted), frozenset(alike)


@cache
def audited(settings: str, levels: tuple[str, ...] = ("static", "import")) -> Report:
    """Audit the project, from its own directory."""
    with chdir(PROJECT):
        facts = import_project(settings) if "import" in levels else Facts()
        return Audit(Asked(levels=levels), facts).report()


def found() -> frozenset[Spot]:
    """Return what audits with all of the settings have found."""
    return frozenset(_spots())


def _spots() -> Iterator[Spot]:
    for settings, rules in SETTINGS.items():
        for each in audited(settings).findings:
            if rules is None or each.rule in rules:
                yield Spot(each.rule, each.place.file, each.place.line)


def environment() -> dict[str, str]:
    """Return the environment for programs that are run on the project."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings"}
