"""All that a plan is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.plan.compared import Comparison
from hybrid.adapters.django.migrate.plan.observed import Observation
from hybrid.adapters.django.migrate.plan.views import View, views_of
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report.report import Report


@dataclass(frozen=True)
class Known:
    """What is known of a project.

    Attributes:
        report: of an audit.
        observed: what was seen of a server; None where nobody has looked.
        compared: what differs between the lanes; None likewise.
    """

    report: Report
    observed: Observation | None = None
    compared: Comparison | None = None

    @property
    def facts(self) -> Facts:
        """What importing has shown."""
        return self.report.facts

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is the matter with the project's own code, as it was seen to run too; the worst first. What is
        in the source of a package is not for the project to put right.
        """
        theirs = {each.name for each in self.report.packages}
        own = [each for each in self.report.findings if each.cause.partition(" ")[2] not in theirs]
        seen = self.observed.findings if self.observed else ()
        new = [each for each in seen if not any(_is_same(each, other) for other in own)]
        return tuple(sorted([*own, *new], key=lambda each: [*Level].index(each.level)))

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The views, in the order of the project."""
        return tuple(views_of(self.facts.routes, self.findings, self.observed, self.compared))

    @property
    def sets_urlconf(self) -> bool:
        """Whether a middleware sets ``request.urlconf``, so that rules for views do not count."""
        return any(each.sets_urlconf and each.used for each in self.facts.middleware)

    def of(self, rules: Iterable[str]) -> list[Finding]:
        """Return the findings of some rules, in the order of these."""
        named = [*rules]
        found = [each for each in self.findings if each.rule in named]
        return sorted(found, key=lambda each: named.index(each.rule))


def _is_same(one: Finding, other: Finding) -> bool:
    return one.rule == other.rule and (one.place.file, one.place.line) == (other.place.file, other.place.line)
