"""What is on the page: the facts of a report, put as its template wants them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.chain.model import Chain, Lane
from hybrid.adapters.django.migrate.chain.simulation import chain_of
from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.report.places import Line, Texts
from hybrid.adapters.django.migrate.report.report import LEVELS, Cause, Report
from hybrid.adapters.django.migrate.report.web.drawing import draw
from hybrid.adapters.django.migrate.report.words import ALL_ROUTES, on_lanes, versions_told
from hybrid.adapters.django.migrate.rule import Rule, in_words, is_of_flask

#: How the lanes on which findings bite are called, in the order of the page.
LANES: Final = {("asgi",): "on ASGI only", ("wsgi", "asgi"): "on both lanes", ("wsgi",): "on WSGI only"}
_CHAINS: Final = {
    Lane.WSGI: "WSGI",
    Lane.ASGI: "ASGI, Django's handler",
    Lane.HYBRID: "The asgi lane of hybrid, GET",
}


@dataclass(frozen=True)
class RuleView:
    """The causes of one rule that have one level.

    Attributes:
        anchor: the id of its section.
        where: on which lanes it bites, in words.
    """

    rule: Rule
    level: Level
    anchor: str
    where: str
    causes: tuple[Cause, ...]

    @property
    def count(self) -> int:
        """How many findings there are."""
        return sum(len(each.findings) for each in self.causes)


@dataclass(frozen=True)
class RouteView:
    """One row of the table of routes.

    Attributes:
        anchor: the id of the row.
        lane, reason: where hybrid would run it, and why.
        found: the sections of the rules whose findings it leads to, and how many these are.
    """

    anchor: str
    route: RouteFact
    lane: str
    reason: str
    found: tuple[tuple[RuleView, int], ...]

    @property
    def worst(self) -> str:
        """The worst level of what it leads to, or ``""``."""
        levels = [rule.level for rule, _ in self.found]
        return min(levels, key=LEVELS.index).value if levels else ""

    @property
    def kind(self) -> str:
        """Say the kind of the view; where a decorator hides a coroutine function, that too."""
        kind = f"{'async' if self.route.is_async else 'sync'} {self.route.kind}"
        hidden = self.route.inner_is_async and not self.route.is_async
        return f"{kind} around async" if hidden else kind


@dataclass(frozen=True)
class ChainView:
    """A lane's chain, drawn.

    Attributes:
        drawing: an SVG element.
        besides: what every request pays besides what is drawn, in words.
    """

    name: str
    chain: Chain
    drawing: str
    besides: str

    def hops(self, *, is_async: bool) -> int:
        """Return how many hops a request for a view of this kind pays."""
        return len(self.chain.hops(is_async=is_async))


class Page:
    """What the template asks.

    Args:
        report: of what it is.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self._texts = Texts(report.reading.root)

    @property
    def title(self) -> str:
        """What was audited, in short."""
        return self.report.facts.title or self.report.reading.root.name

    @property
    def is_flask(self) -> bool:
        """Whether it is a Flask application."""
        return self.report.facts.framework == "flask" or any(
            is_of_flask(each.rule) for each in self.report.findings
        )

    @property
    def subject(self) -> str:
        """What the page is about."""
        return "Flask on threads" if self.is_flask else "From WSGI to ASGI"

    @property
    def versions(self) -> list[str]:
        """The distributions whose versions are told."""
        return versions_told(self.report.facts)

    @property
    def counts(self) -> list[tuple[str, list[int]]]:
        """The numbers of findings by lane, and of each by level."""
        names = {each: f"on {in_words('HF', each)}" for each in LANES} if self.is_flask else LANES
        found = Counter((_lanes(each), each.level) for each in self.report.findings)
        return [(name, [found[lanes, level] for level in LEVELS]) for lanes, name in names.items()]

    @cached_property
    def rules(self) -> list[RuleView]:
        """The rules with their causes, the worst level first."""
        causes = sorted(self.report.causes(), key=lambda each: LEVELS.index(each.level))
        return [
            RuleView(
                RULES[name], level, f"{level}-{name}", on_lanes(together[0].findings[0]), tuple(together)
            )
            for (level, name), group in groupby(causes, key=lambda each: (each.level, each.rule))
            if (together := [*group])
        ]

    @cached_property
    def _sections(self) -> dict[Finding, RuleView]:
        return {finding: rule for rule in self.rules for cause in rule.causes for finding in cause.findings}

    @cached_property
    def everywhere(self) -> tuple[tuple[RuleView, int], ...]:
        """The sections whose findings every route leads to."""
        return self._found(each for each in self.report.findings if each.routes == ALL_ROUTES)

    @cached_property
    def routes(self) -> list[RouteView]:
        """The routes, in the order of the project."""
        by_route: dict[str, list[Finding]] = {}
        for each in self.report.findings:
            for name in each.routes:
                by_route.setdefault(name, []).append(each)
        return [
            RouteView(f"route-{number}", each, *_lane(each), self._found(by_route.get(_name(each), ())))
            for number, each in enumerate(self.report.facts.routes, 1)
        ]

    @cached_property
    def _anchors(self) -> dict[str, str]:
        return {_name(each.route): each.anchor for each in reversed(self.routes)}

    @cached_property
    def chains(self) -> list[ChainView]:
        """The chains of all lanes; none where the project was not imported."""
        facts = self.report.facts
        if not facts.middleware:
            return []
        return [_chain_view(name, chain_of(lane, facts)) for lane, name in _CHAINS.items()]

    def anchor(self, route: str) -> str:
        """Return the id of the row of a route, by its name or pattern; ``""`` where there is none."""
        return self._anchors.get(route, "")

    def excerpt(self, finding: Finding) -> tuple[Line, ...]:
        """Return the lines of a finding, with some around them; none where they cannot be read."""
        return self._texts.excerpt(finding.place)

    def fix(self, finding: Finding) -> str:
        """Return what can be done about a finding, unless the rule says the same."""
        return "" if finding.fix.text == RULES[finding.rule].why else finding.fix.text

    def _found(self, findings: Iterable[Finding]) -> tuple[tuple[RuleView, int], ...]:
        numbers = Counter(self._sections[each].anchor for each in findings)
        return tuple((rule, numbers[rule.anchor]) for rule in self.rules if rule.anchor in numbers)


def _lanes(finding: Finding) -> tuple[str, ...]:
    return tuple(sorted(finding.lanes, reverse=True))


def _name(route: RouteFact) -> str:
    return route.name or route.pattern


def _lane(route: RouteFact) -> tuple[str, str]:
    """Take ``wsgi; sync-view`` apart."""
    lane, _, reason = route.lane.partition(";")
    return lane.strip(), reason.strip()


def _chain_view(name: str, chain: Chain) -> ChainView:
    besides = _in_words([hop.purpose.value for hop in chain.around])
    return ChainView(name, chain, draw(chain, name), besides)


def _in_words(purposes: Sequence[str]) -> str:
    return ", ".join(f"{number} for {name}" for name, number in Counter(purposes).items())
