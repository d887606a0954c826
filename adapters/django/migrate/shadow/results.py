"""What came of all requests."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from hybrid.adapters.django.migrate.shadow.compare import Compared
from hybrid.adapters.django.migrate.shadow.curl import curl_line
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.groups import Groups
from hybrid.adapters.django.migrate.shadow.masks import Tally

#: A part of a path that says which one, and not what.
_VALUE: Final = re.compile(r"^(\d+|[0-9a-fA-F-]{32,36})$")


@dataclass
class View:
    """What came of the requests for one view."""

    name: str
    requests: int = 0
    same: int = 0
    different: int = 0


@dataclass
class Results:
    """The sums, and the groups of differences.

    Attributes:
        old, new: the names of the lanes, or the addresses of the servers.
        base: the address that the command lines of curl ask.
        with_secrets: whether they have cookies and the like in them.
        unreachable: requests that there was no answer to compare for.
        stopped: why no more requests were sent; ``""`` where all were.
        reasons: why there was no answer, and how often.
        notes: what to know of the runs besides, and how often.
    """

    old: str
    new: str
    base: str
    with_secrets: bool = False
    requests: int = 0
    same: int = 0
    different: int = 0
    unreachable: int = 0
    stopped: str = ""
    reasons: Counter[str] = field(default_factory=Counter[str])
    notes: Counter[str] = field(default_factory=Counter[str])
    hidden: Tally = field(default_factory=Counter[tuple[str, str]])
    groups: Groups = field(default_factory=Groups)
    views: dict[str, View] = field(default_factory=dict[str, View])

    def add(self, request: Request, first: Outcome, other: Outcome, compared: Compared) -> None:
        """Take what came of a request."""
        name = view_name(request)
        view = self.views.setdefault(name, View(name))
        for sums in (self, view):
            sums.requests += 1
            sums.same += compared.same
            sums.different += not compared.same
        self.hidden.update(compared.hidden)
        self.notes.update({*first.notes, *other.notes})
        if compared.differences:
            curl = curl_line(request, self.base, with_secrets=self.with_secrets)
            self.groups.add(compared.differences, name, (request, first, other), curl)

    def add_unreachable(self, reason: str) -> None:
        """Take a request that had no answer."""
        self.requests += 1
        self.unreachable += 1
        self.reasons[reason] += 1


def view_name(request: Request) -> str:
    """Return the name of the view of a request, or its path without values where that is not known."""
    if request.view:
        return request.view
    path = request.target.partition("?")[0]
    return "/".join("*" if _VALUE.match(each) else each for each in path.split("/"))
