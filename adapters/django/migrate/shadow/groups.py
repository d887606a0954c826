"""Differences with the same cause are told of once: with how often they came, and one request to try."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hybrid.adapters.django.migrate.shadow.causes import cause_of, rule_of
from hybrid.adapters.django.migrate.shadow.differences import Difference, What
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.masks import Masks
from hybrid.adapters.django.migrate.shadow.telling import general

#: Groups that are kept; what comes after is counted only.
MOST = 1000

_Key = tuple[str, str, str, str]


@dataclass
class Group:
    """Differences with one cause.

    Attributes:
        cause: a sentence on the new lane, whose subject is the view.
        where: the place, without the numbers of elements.
        view: the name of the view; its path where that is not known.
        rule: of the catalogue; ``""`` where none can be told.
        count: requests that it came with.
        old, new: what stood there, of the first of them.
        curl: the first of them.
        note: whether it leaves the answers the same.
    """

    cause: str
    what: What
    where: str
    view: str
    rule: str
    old: str
    new: str
    curl: str
    note: bool
    count: int


@dataclass
class Groups:
    """All groups, in the order in which they came.

    Attributes:
        dropped: differences that belong to none, as there were too many groups.
    """

    dropped: int = 0
    _groups: dict[_Key, Group] = field(default_factory=dict[_Key, Group])

    def add(
        self,
        differences: Iterable[Difference],
        view: str,
        asked: tuple[Request, Outcome, Outcome],
        curl: str,
    ) -> None:
        """Add the differences of one request to their groups, once to each.

        Args:
            differences: what differs.
            view: the view that the request is for.
            asked: the request, the old answer and the new one.
            curl: the request as a command line.
        """
        found = {_key(each, view): each for each in reversed([*differences])}  # the first one of each stays
        for key, each in reversed(found.items()):
            if key in self._groups:
                self._groups[key].count += 1
            elif len(self._groups) < MOST:
                self._groups[key] = _group(each, view, rule_of(each, *asked), curl)
            else:
                self.dropped += 1

    def all(self) -> list[Group]:
        """Return them: what makes answers different first, and of that what came most often."""
        return sorted(self._groups.values(), key=lambda each: (each.note, -each.count))


def _group(first: Difference, view: str, rule: str, curl: str) -> Group:
    return Group(
        cause_of(first),
        first.what,
        general(first.where),
        view,
        rule,
        first.old,
        first.new,
        curl,
        first.note,
        count=1,
    )


def _key(difference: Difference, view: str) -> _Key:
    """Return what differences with the same cause have in common."""
    by_value = difference.what in (What.STATUS, What.EXCEPTION)
    values = Masks.plain(f"{difference.old} {difference.new}") if by_value else ""
    return difference.what.value, general(difference.where), view, values
