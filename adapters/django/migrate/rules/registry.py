"""Which function looks for which rule."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Looks at one module, and may ask about others. Called once for each module that belongs to the project.
StaticCheck = Callable[[SourceModule, Sources], Iterable[Finding]]
#: Looks at what importing has shown, with the source beside it.
ImportCheck = Callable[[Facts, Sources], Iterable[Finding]]

#: Looks at the source as a whole, and at files beside it; static too.
WholeCheck = Callable[[Sources], Iterable[Finding]]

S = TypeVar("S", bound=StaticCheck)
W = TypeVar("W", bound=WholeCheck)
I = TypeVar("I", bound=ImportCheck)  # noqa: E741 - the other kind

STATIC: Final[dict[str, list[StaticCheck]]] = {}
WHOLE: Final[dict[str, list[WholeCheck]]] = {}
IMPORT: Final[dict[str, list[ImportCheck]]] = {}

#: The rules that are about tests: only their static checks are given modules of tests.
IN_TESTS: Final = {"HM412"}

#: The rules that neither source nor importing tells anything of, and who does.
AT_RUN_TIME: Final = {
    "HM405": "what a path without UTF-8 becomes shows when one is sent: hybrid migrate shadow compares them, "
    "observe says whether there are any",
    "HM406": "the page of an error in middleware is the server's: hybrid migrate shadow compares them, "
    "observe says whether there are any",
    "HM407": "names of fields are the server's: hybrid migrate shadow leaves their case out",
}


def looked_for(prefix: str) -> list[str]:
    """Return the rules that something looks for, of those whose ids begin so."""
    return sorted(each for each in {*STATIC, *WHOLE, *IMPORT} if each.startswith(prefix))


def static(*rules: str) -> Callable[[S], S]:
    """Register what finds rules by reading a module: ``@static("HM101")``."""

    def register(check: S) -> S:
        for each in rules:
            STATIC.setdefault(each, []).append(check)
        return check

    return register


def whole(*rules: str) -> Callable[[W], W]:
    """Register what finds rules in all of the source at once: ``@whole("HM115")``."""

    def register(check: W) -> W:
        for each in rules:
            WHOLE.setdefault(each, []).append(check)
        return check

    return register


def imported(*rules: str) -> Callable[[I], I]:
    """Register what finds rules in what importing has shown: ``@imported("HM103")``."""

    def register(check: I) -> I:
        for each in rules:
            IMPORT.setdefault(each, []).append(check)
        return check

    return register
