"""``hybrid migrate audit``: puts together what is imported, what is read, and what looks for the rules."""

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace

from hybrid.adapters.django.migrate.checks import (
    Checked,
    load_rules,
    look_at_facts,
    look_at_source,
    look_at_whole,
    without_duplicates,
)
from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.frameworks import Framework, framework_of
from hybrid.adapters.django.migrate.gather import Asked, read_package, read_project
from hybrid.adapters.django.migrate.ignores import without_ignored
from hybrid.adapters.django.migrate.masking import told_of_masks
from hybrid.adapters.django.migrate.packages import counted
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.reach import told_of_routes
from hybrid.adapters.django.migrate.report.report import Package, Reading, Report, causes_of
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.bridge.imports import without_collection


class Audit:
    """One audit. ``facts`` are empty where the project is not to be imported."""

    def __init__(self, asked: Asked, facts: Facts) -> None:
        self._asked = asked
        self._facts = facts
        self._seconds: dict[str, float] = {"import": facts.seconds} if facts.seconds else {}
        self._checked = Checked()
        self._sources: Sources | None = None

    @property
    def sources(self) -> Sources:
        """The project's source, once there is a report."""
        if self._sources is None:
            raise RuntimeError("the source is read for the report")
        return self._sources

    def report(self) -> Report:
        """Look at everything."""
        with without_collection():  # there is little garbage, and much to look through for it
            return self._report()

    def _report(self) -> Report:
        with self._timed("read"):
            sources = self._sources = read_project(self._facts, self._asked.src)
        framework = framework_of(self._facts, sources)
        load_rules(framework.rules)
        with self._timed("look"):
            self._look(sources, framework.prefix)
        with self._timed("packages"):
            packages, theirs = self._packages(sources, framework)
        with self._timed("routes"):
            found = without_duplicates(self._checked.findings)
            found = told_of_routes(found, self._facts, sources, framework.everywhere(self._facts))
        left, ignored, unused = without_ignored(found, sources.modules, self._checked.looked)
        reading = Reading(
            sources.root,
            self._asked.levels,
            len(sources.modules),
            sources.lines,
            tuple(sources.unread),
            ignored,
            unused,
            self._asked.src,
            self._asked.third_party,
        )
        ordered = _ordered(without_duplicates([*told_of_masks(left, self._facts), *theirs]))
        broken = tuple(self._checked.broken)
        return Report(ordered, self._facts, reading, packages, broken, dict(self._seconds))

    def _look(self, sources: Sources, prefix: str) -> None:
        if "static" in self._asked.levels:
            look_at_source(sources.modules, sources, self._checked, prefix)
            look_at_whole(sources, self._checked, prefix)
        if "import" in self._asked.levels and self._facts.is_known:
            look_at_facts(self._facts, sources, self._checked, prefix)

    def _packages(self, read: Sources, framework: Framework) -> tuple[tuple[Package, ...], list[Finding]]:
        """Return the packages, and what is found in their source where that is to be told in full. What has
        been read as the project's own is none of them.
        """
        packages: list[Package] = []
        theirs: list[Finding] = []
        reads = self._asked.third_party != "names" and "static" in self._asked.levels
        own = {each.path.parent for each in read.modules}
        for package, folder in framework.packages_of(self._facts):
            if folder and folder.resolve() in own:
                continue
            if not reads or folder is None:
                packages.append(package)
                continue
            checked = Checked(broken=self._checked.broken)
            sources = read_package(read.root, [folder])
            look_at_source(sources.modules, sources, checked, framework.prefix)
            found = without_duplicates(checked.findings)
            packages.append(counted(package, found))
            scripts = {each.shown for each in sources.modules if sources.is_script(each)}
            for each in found:
                told = replace(each, cause=f"{each.rule} {package.name}")
                theirs.append(_note(told) if each.place.file in scripts else told)
        return tuple(packages), theirs if self._asked.third_party == "full" else []

    @contextmanager
    def _timed(self, step: str) -> Generator[None]:
        began = time.perf_counter()
        yield
        self._seconds[step] = time.perf_counter() - began


def _note(finding: Finding) -> Finding:
    """Return a finding of what no server runs."""
    return replace(finding, level=Level.NOTE, reachable=False)


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(each for cause in causes_of(findings) for each in cause.findings)
