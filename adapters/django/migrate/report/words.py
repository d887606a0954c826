"""How facts are said, in all formats that people read."""

import textwrap
from typing import Final

from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rule import in_words, is_of_flask

#: What happens on a lane, by the group of the rule.
_HAPPENS: Final = {"1": "breaks", "2": "insecure", "3": "costs more", "4": "differs", "5": "breaks"}
_OTHER: Final = {"wsgi": "asgi", "asgi": "wsgi"}

ALL_ROUTES: Final = ("*",)
#: Of the lines of reports as text.
_WIDTH: Final = 100
_VERSIONS: Final = {
    "flask": ("flask", "werkzeug", "python", "asgiref"),
    "": ("django", "python", "asgiref", "channels"),
}


def versions_told(facts: Facts) -> list[str]:
    """Return the distributions whose versions stand at the top of a report, as far as they are there."""
    names = _VERSIONS.get(facts.framework, _VERSIONS[""])
    return [each for each in names if each in facts.versions]


def on_lanes(finding: Finding) -> str:
    """Name the lane: ``breaks on ASGI, fine on WSGI``."""
    happens = _HAPPENS[finding.rule[2]]
    if happens in ("breaks", "insecure") and finding.level is not Level.ERROR:
        happens = "a risk"
    where = in_words(finding.rule, finding.lanes)
    if is_of_flask(finding.rule) or len(finding.lanes) > 1:
        return f"{happens} on {where}"
    return f"{happens} on {where}, fine on {in_words(finding.rule, (_OTHER[next(iter(finding.lanes))],))}"


def routes_in_short(routes: tuple[str, ...], most: int = 3) -> str:
    """Say which routes, by name or pattern: ``shop:cart, shop:pay and 12 more routes``."""
    if routes == ALL_ROUTES:
        return "every route"
    shown = ", ".join(each or "/" for each in routes[:most])
    more = len(routes) - most
    return f"{shown} and {counted(more, 'more route')}" if more > 0 else shown


def counted(number: int, what: str) -> str:
    """Return ``1 error``, ``2 errors``, ``1,000 queries``; middleware are the same in any number."""
    if number == 1 or what.endswith("middleware"):
        return f"{number:,} {what}"
    return f"{number:,} {what[:-1]}ies" if what.endswith("y") else f"{number:,} {what}s"


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """Return a text in lines for a terminal; those after the first are indented further."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
