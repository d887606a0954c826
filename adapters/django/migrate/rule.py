"""What a rule is. All of them are in :mod:`.catalogue`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Place, Seen

GROUPS: Final = {
    "1": "Breaks",
    "2": "Security",
    "3": "Slower, heavier, capacity",
    "4": "Means something else",
    "5": "WebSockets and channels",
}
#: What the lanes of a rule are called, by what its id begins with: a Flask application is served by threads,
#: and an ASGI server is for what it becomes under Quart.
_LANES: Final = {"HM": {"wsgi": "WSGI", "asgi": "ASGI"}, "HF": {"wsgi": "threads", "asgi": "Quart"}}


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: ``HM101``, or ``HF101`` for Flask; the first digit is its group, see :data:`GROUPS`.
        level: of its findings, unless one says otherwise.
        lanes: where it bites.
        seen: how it can be found.
        fix: what can be done about it at best.
        title: one sentence without a full stop, for lists.
        why: one or two sentences: what happens on which lane, and what to do.
        link: where that is documented.
    """

    id: str
    level: Level
    lanes: tuple[str, ...]
    seen: tuple[Seen, ...]
    fix: FixKind
    title: str
    why: str
    link: str

    @property
    def group(self) -> str:
        """The title of its group."""
        return GROUPS[self.id[2]]

    @property
    def where(self) -> str:
        """Where it bites, in words."""
        return in_words(self.id, self.lanes)

    def finding(  # noqa: PLR0913 - what differs between findings of one rule
        self,
        place: Place,
        evidence: str,
        *,
        seen: Seen,
        confidence: Confidence = Confidence.CERTAIN,
        level: Level | None = None,
        fix: Fix | None = None,
        cause: str = "",
    ) -> Finding:
        """Return a finding of this rule, with the rule's level, lanes and advice unless these are given."""
        advice = fix or Fix(self.fix, self.why)
        return Finding(
            self.id, level or self.level, confidence, place, evidence, seen, advice, self.lanes, cause
        )


def in_words(rule: str, lanes: Iterable[str]) -> str:
    """Name lanes as those of a rule: ``WSGI and ASGI``."""
    names = _LANES[rule[:2]]
    return " and ".join(names[each] for each in sorted(lanes, reverse=True))


def is_of_flask(rule: str) -> bool:
    """Tell whether a rule is one of Flask's, by its id."""
    return rule.startswith("HF")
