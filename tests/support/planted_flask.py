"""The application in `tests/adapters/flask/migrate/planted`, and what its comments say is wrong with it."""

from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from functools import cache

from hybrid.adapters.django.migrate.audit import Audit
from hybrid.adapters.django.migrate.gather import Asked
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.project.importing import import_project
from hybrid.adapters.django.migrate.report.report import Report
from tests.support.planted import Spot
from tests.support.process import ROOT

PROJECT = ROOT / "tests" / "adapters" / "flask" / "migrate" / "planted"
TARGET = "wsgi:application"


@cache
def facts(target: str = TARGET) -> Facts:
    """Import the application, from its own directory."""
    with chdir(PROJECT):
        return import_project("", target)


@cache
def audited(*levels: str) -> Report:
    """Audit it."""
    return _report(facts() if "import" in levels else Facts(), levels)


def found() -> frozenset[Spot]:
    """Return what audits have found: of the target, without asgiref, and of the Flask object alone."""
    return frozenset(_spots())


def _spots() -> Iterator[Spot]:
    versions = {name: each for name, each in facts().versions.items() if name != "asgiref"}
    reports = (
        (audited("static", "import"), None),
        (_report(replace(facts(), versions=versions), ("import",)), "HF106"),
        (_report(facts("wsgi:plain"), ("import",)), "HF405"),
    )
    for report, rule in reports:
        for each in report.findings:
            if rule in {None, each.rule}:
                yield Spot(each.rule, each.place.file, each.place.line)


def _report(said: Facts, levels: tuple[str, ...]) -> Report:
    with chdir(PROJECT):
        return Audit(Asked(levels=levels), said).report()
