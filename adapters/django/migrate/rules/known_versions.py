"""Versions of Django and asgiref that have known faults on ASGI, as data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Version = tuple[int, ...]

_RELEASES: Final = "https://docs.djangoproject.com/en/stable/releases/"
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True)
class Flaw:
    """A vulnerability that only ASGI has.

    Attributes:
        id: of the CVE.
        distribution: normalised.
        what: it does, in a few words.
        fixed: the first good version of each series that was looked after: ``{(5, 2): (5, 2, 11)}``.
        link: of the release that has the fix.
        when_called: the dotted name of what has to be called for it to matter; ``""`` for nothing.
    """

    id: str
    distribution: str
    what: str
    fixed: Mapping[Version, Version]
    link: str
    when_called: str = ""


#: From Django's release notes of 3 February, 7 April and 5 May 2026, and asgiref's of 3.11.1.
FLAWS: Final = (
    Flaw(
        "CVE-2025-14550",
        "django",
        "repeated header fields take quadratic time",
        {(4, 2): (4, 2, 28), (5, 2): (5, 2, 11), (6, 0): (6, 0, 2)},
        f"{_RELEASES}5.2.11/",
    ),
    Flaw(
        "CVE-2026-3902",
        "django",
        "a header with underscores passes for one that the proxy takes away",
        {(4, 2): (4, 2, 30), (5, 2): (5, 2, 13), (6, 0): (6, 0, 4)},
        f"{_RELEASES}5.2.13/",
    ),
    Flaw(
        "CVE-2026-33034",
        "django",
        "a body without a true length gets past DATA_UPLOAD_MAX_MEMORY_SIZE",
        {(4, 2): (4, 2, 30), (5, 2): (5, 2, 13), (6, 0): (6, 0, 4)},
        f"{_RELEASES}5.2.13/",
    ),
    Flaw(
        "CVE-2026-5766",
        "django",
        "an upload without a true length gets past FILE_UPLOAD_MAX_MEMORY_SIZE",
        {(5, 2): (5, 2, 14), (6, 0): (6, 0, 5)},
        f"{_RELEASES}5.2.14/",
    ),
    Flaw(
        "CVE-2025-14550",
        "asgiref",
        "repeated header fields take quadratic time in WsgiToAsgi",
        {(3, 11): (3, 11, 1)},
        "https://github.com/django/asgiref/blob/main/CHANGELOG.txt",
        when_called="asgiref.wsgi.WsgiToAsgi",
    ),
)

#: Before this Django had no ASGI, and asgiref was another library.
FIRST_WITH_ASGI: Final = {"django": (3, 0), "asgiref": (3, 0)}
#: Of Django: those that do not send ``request_finished`` for a client that has left (ticket 35059).
UNFINISHED: Final = ((5, 0), (5, 0, 1))
#: The first asgiref whose loop does not wait for a thread that may wait for the loop.
UNFROZEN: Final = (3, 12, 1)


def parsed(version: str) -> Version:
    """Return the numbers of a version: ``5.2rc1`` is ``(5, 2)``, and ``5.0.0`` is ``(5, 0)``."""
    found = _NUMBERS.match(version.strip().lstrip("v"))
    numbers = tuple(int(each) for each in found[0].split(".")) if found else ()
    while len(numbers) > 2 and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers


def flaws_of(distribution: str, version: str) -> list[Flaw]:
    """Return what is open in a version. Series that nobody looks after any more have what later ones had:
    Django's developers say of them that they may be affected.
    """
    numbers = parsed(version)
    if not numbers or numbers < FIRST_WITH_ASGI.get(distribution, ()):
        return []
    return [
        each
        for each in FLAWS
        if each.distribution == distribution and numbers < _first_good(each, numbers[:2])
    ]


def is_looked_after(flaw: Flaw, version: str) -> bool:
    """Tell whether the series of a version had this fixed, in a later one."""
    return parsed(version)[:2] in flaw.fixed


def first_good(distribution: str, version: str) -> Version:
    """Return the first version without any of this: of the same series, or of the next one that has one."""
    found = [_first_good(each, parsed(version)[:2]) for each in FLAWS if each.distribution == distribution]
    return max(found, default=())


def written(version: Version) -> str:
    """Write a version."""
    return ".".join(map(str, version))


def _first_good(flaw: Flaw, series: Version) -> Version:
    known = flaw.fixed.get(series)
    if known is not None:
        return known
    later = [fixed for each, fixed in sorted(flaw.fixed.items()) if each > series]
    return later[0] if later else ()
