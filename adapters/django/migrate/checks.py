"""Runs what looks for the rules, and makes one finding of two that see the same."""

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from hybrid.adapters.django.migrate.findings import Confidence, Finding, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report.report import Broken
from hybrid.adapters.django.migrate.rules import registry
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_SURE: Final = tuple(Confidence)
#: The rules of Django projects: where their checks are, and what their ids begin with.
_RULES: Final = "hybrid.adapters.django.migrate.rules"
_PREFIX: Final = "HM"


@dataclass
class Checked:
    """What the checks have found, those that have failed, and the rules that were looked for."""

    findings: list[Finding] = field(default_factory=list[Finding])
    broken: list[Broken] = field(default_factory=list[Broken])
    looked: set[str] = field(default_factory=set[str])

    def note(self, names: Iterable[str], check: Callable[..., Iterable[Finding]], *given: Any) -> None:
        """Run one check. One that raises is an error of ours, which loses nothing of what others find."""
        try:
            for each in check(*given):
                self.findings.append(each)  # what came before an error counts
        except Exception as error:  # noqa: BLE001 - whatever it is, the audit goes on
            where = f" in {given[0].shown}" if isinstance(given[0], SourceModule) else ""
            broken = Broken(", ".join(names), f"{type(error).__name__}: {error}{where}")
            if broken not in self.broken:
                self.broken.append(broken)


def load_rules(package: str = _RULES) -> None:
    """Import every module of a package, such as ``rules/``, which registers its checks."""
    rules = import_module(package)
    for each in pkgutil.iter_modules(rules.__path__):
        import_module(f"{package}.{each.name}")


def look_at_source(
    modules: Iterable[SourceModule], sources: Sources, into: Checked, prefix: str = _PREFIX
) -> None:
    """Run the static checks over modules. In tests only what is about tests is looked for.

    Args:
        modules: to look at.
        sources: all that was read.
        into: takes what is found.
        prefix: of the ids of the rules that are looked for.
    """
    checks = _by_check(registry.STATIC, prefix)
    into.looked.update(each for names in checks.values() for each in names)
    for module in modules:
        is_test = sources.is_test(module)
        for check, names in checks.items():
            if not is_test or registry.IN_TESTS.intersection(names):
                into.note(names, check, module, sources)


def look_at_whole(sources: Sources, into: Checked, prefix: str = _PREFIX) -> None:
    """Run the checks on all of the source at once."""
    for check, names in _by_check(registry.WHOLE, prefix).items():
        into.looked.update(names)
        into.note(names, check, sources)


def look_at_facts(facts: Facts, sources: Sources, into: Checked, prefix: str = _PREFIX) -> None:
    """Run the checks on what importing has shown."""
    for check, names in _by_check(registry.IMPORT, prefix).items():
        into.looked.update(names)
        into.note(names, check, facts, sources)


def without_duplicates(findings: Iterable[Finding]) -> list[Finding]:
    """Leave one of the findings of a rule that are at one place, or that reading and importing have both
    made of one symbol: the surest, and of those the one that importing has shown.
    """
    kept: dict[tuple[str, str], list[Finding]] = {}
    for each in sorted(findings, key=_worth):
        beside = kept.setdefault((each.rule, each.place.file), [])
        if not any(_same(each, other) for other in beside):
            beside.append(each)
    return [each for beside in kept.values() for each in beside]


def _worth(finding: Finding) -> tuple[int, bool]:
    return _SURE.index(finding.confidence), finding.seen is not Seen.IMPORT


def _same(one: Finding, other: Finding) -> bool:
    if one.place.file != other.place.file or not one.place.file:
        return one == other
    if one.seen is other.seen:
        return one.place == other.place and one.evidence == other.evidence
    return one.place.line == other.place.line or one.place.symbol == other.place.symbol


def _by_check(
    table: Mapping[str, Iterable[Callable[..., Any]]], prefix: str
) -> dict[Callable[..., Any], list[str]]:
    """Return each check of rules whose ids begin so once, with its rules."""
    found: dict[Callable[..., Any], list[str]] = {}
    for name, checks in table.items():
        for check in checks if name.startswith(prefix) else ():
            found.setdefault(check, []).append(name)
    return found
