"""All that an audit has found out, of which each format shows the same."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report.identities import Identity
from hybrid.adapters.django.migrate.source.sources import Unread

#: The levels, the worst first.
LEVELS = tuple(Level)


@dataclass(frozen=True)
class Ignored:
    """A finding that a comment in the source says to leave out, and why it does."""

    finding: Finding
    reason: str = ""


@dataclass(frozen=True)
class UnusedIgnore:
    """A comment that leaves nothing out: ``# hybrid: ignore[HM101] reason``.

    Attributes:
        rules: those of its rules that were looked for and not found on its line, or that do not exist.
    """

    file: str
    line: int
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Broken:
    """A check of ours that raised: what it would have found is not known."""

    rule: str
    error: str


@dataclass(frozen=True)
class Package:
    """A distribution that is part of the project and not its own.

    Attributes:
        apps: what of it is in INSTALLED_APPS.
        middleware: what of it is in MIDDLEWARE.
        findings: how many there are in its source, by rule; empty where it was not read.
        advice: what is known of it, in one sentence, or ``""``.
    """

    name: str
    version: str = ""
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    findings: dict[str, int] = field(default_factory=dict[str, int])
    advice: str = ""


@dataclass(frozen=True)
class Reading:
    """What was read of the source, and what it says about findings.

    Attributes:
        root: the project's directory, from which files are named.
        levels: how was looked: ``static``, ``import``.
        src: what was named to be read, instead of the project's own packages.
        third_party: how much was asked for of other packages: ``names``, ``summary`` or ``full``.
        unread: files that could not be read.
        ignored, unused_ignores: what comments in the source leave out, and those that leave out nothing.
    """

    root: Path
    levels: tuple[str, ...] = ("static", "import")
    files: int = 0
    lines: int = 0
    unread: tuple[Unread, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    unused_ignores: tuple[UnusedIgnore, ...] = ()
    src: tuple[Path, ...] = ()
    third_party: str = "summary"


@dataclass(frozen=True)
class Accepted:
    """A finding that a baseline accepts, and the reason that somebody has written there."""

    finding: Finding
    reason: str = ""


@dataclass(frozen=True)
class Gone:
    """What a baseline accepts and is not found any more.

    Attributes:
        count: how many of those that are alike.
    """

    identity: Identity
    level: Level
    count: int = 1
    reason: str = ""


@dataclass(frozen=True)
class Compared:
    """What a baseline says of findings.

    Attributes:
        file: its name.
    """

    file: str
    accepted: tuple[Accepted, ...] = ()
    gone: tuple[Gone, ...] = ()


@dataclass(frozen=True)
class Report:
    """What an audit has found out.

    Attributes:
        findings: the worst first, those of one cause next to each other; without what a baseline accepts.
        facts: what importing has shown; empty where the project was not imported.
        reading: what was read.
        packages: what others have written.
        broken: checks of ours that failed.
        seconds: how long each step took.
        baseline: what of the findings was accepted before; None where nobody has asked.
    """

    findings: tuple[Finding, ...]
    facts: Facts
    reading: Reading
    packages: tuple[Package, ...] = ()
    broken: tuple[Broken, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    baseline: Compared | None = None

    @property
    def imported(self) -> bool:
        """Whether all of the project was imported, or nobody tried."""
        return not self.facts.failures

    def causes(self) -> "tuple[Cause, ...]":
        """Give the findings by cause, the worst cause first."""
        return causes_of(self.findings)

    def count(self, level: Level) -> int:
        """Return how many findings have a level."""
        return sum(each.level is level for each in self.findings)

    def reaches(self, level: Level) -> bool:
        """Tell whether some finding is as bad as this, or worse."""
        return any(LEVELS.index(each.level) <= LEVELS.index(level) for each in self.findings)

    def of_rules(self, rules: Collection[str]) -> "Report":
        """Return the report without what other rules than these have found, and what comments say of it."""
        reading, baseline = self.reading, self.baseline
        reading = replace(
            reading,
            ignored=tuple(each for each in reading.ignored if each.finding.rule in rules),
            unused_ignores=tuple(each for each in reading.unused_ignores if {*each.rules} & {*rules}),
        )
        if baseline is not None:
            baseline = replace(
                baseline,
                accepted=tuple(each for each in baseline.accepted if each.finding.rule in rules),
                gone=tuple(each for each in baseline.gone if each.identity.rule in rules),
            )
        found = tuple(each for each in self.findings if each.rule in rules)
        return replace(self, findings=found, reading=reading, baseline=baseline)


@dataclass(frozen=True)
class Cause:
    """Findings that one thing is the cause of, in the order of their places."""

    findings: tuple[Finding, ...]

    @property
    def rule(self) -> str:
        """The rule of all of them."""
        return self.findings[0].rule

    @property
    def level(self) -> Level:
        """The worst of theirs."""
        return min((each.level for each in self.findings), key=LEVELS.index)

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that reach any of them: ``("*",)`` for all that there are."""
        found = dict.fromkeys(route for each in self.findings for route in each.routes)
        return ("*",) if "*" in found else tuple(found)


def causes_of(findings: Iterable[Finding]) -> tuple[Cause, ...]:
    """Put findings of one rule and cause together: the worst first, then by rule and place."""
    by_cause: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        by_cause.setdefault((each.rule, each.group), []).append(each)
    causes = [Cause(tuple(sorted(each, key=_place))) for each in by_cause.values()]
    return tuple(
        sorted(causes, key=lambda each: (LEVELS.index(each.level), each.rule, _place(each.findings[0])))
    )


def _place(finding: Finding) -> tuple[str, int, str]:
    return finding.place.file, finding.place.line, finding.place.symbol


def rules_by_route(findings: Iterable[Finding]) -> dict[str, tuple[str, ...]]:
    """Return the rules of the findings that each route leads to, by its name or pattern.

    Sorted, ``*`` for all routes last; what leads to nothing is not in it.
    """
    found: dict[str, set[str]] = {}
    for each in findings:
        for route in each.routes:
            found.setdefault(route, set()).add(each.rule)
    routes = sorted(found, key=lambda route: (route == "*", route))
    return {route: tuple(sorted(found[route])) for route in routes}
