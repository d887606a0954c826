"""Versions that have known faults: those that are installed, and those that lists of packages ask for."""

from collections.abc import Iterable, Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.known_versions import (
    FIRST_WITH_ASGI,
    UNFINISHED,
    UNFROZEN,
    first_good,
    flaws_of,
    is_looked_after,
    parsed,
    written,
)
from hybrid.adapters.django.migrate.rules.registry import imported, whole
from hybrid.adapters.django.migrate.source.beside import pins_beside
from hybrid.adapters.django.migrate.source.sources import Sources

_SHOWN: Final = {"django": "Django", "asgiref": "asgiref"}


@imported("HM202", "HM311", "HM410")
def installed(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Judge what the process that imported the project had."""
    for name in _SHOWN:
        version = facts.versions.get(name, "")
        if version:
            place = Place(symbol=_SHOWN[name])
            yield from _judged(name, version, place, sources, Seen.IMPORT)


@whole("HM202", "HM311", "HM410")
def pinned(sources: Sources) -> Iterator[Finding]:
    """Judge what requirements and lock files ask for, where that is one version."""
    for each in pins_beside(sources.root):
        if each.name in _SHOWN:
            place = Place(each.shown, each.line, each.line, f"{each.name}=={each.version}")
            yield from _judged(each.name, each.version, place, sources, Seen.STATIC)


def _judged(name: str, version: str, place: Place, sources: Sources, seen: Seen) -> Iterator[Finding]:
    yield from _vulnerable(name, version, place, sources, seen)
    numbers = parsed(version)
    shown = f"{_SHOWN[name]} {version}"
    if name == "django" and numbers in UNFINISHED:
        yield RULES["HM410"].finding(
            place,
            f"{shown} does not send request_finished on ASGI for a client that has left (ticket 35059): "
            "database connections and uploads stay open",
            seen=seen,
            fix=Fix(FixKind.SETTING, "upgrade to Django 5.0.2 or newer"),
            cause="HM410 Django",
        )
    if name == "asgiref" and FIRST_WITH_ASGI[name] <= numbers < UNFROZEN:
        yield RULES["HM311"].finding(
            place,
            f"{shown} can freeze an ASGI server's loop at the end of a request, which waits for a thread "
            "that waits for the loop",
            seen=seen,
            fix=Fix(FixKind.SETTING, f"upgrade to asgiref {written(UNFROZEN)} or newer"),
            cause="HM311 asgiref",
        )


def _vulnerable(name: str, version: str, place: Place, sources: Sources, seen: Seen) -> Iterator[Finding]:
    flaws = [each for each in flaws_of(name, version) if _matters(each.when_called, sources)]
    if not flaws:
        return
    known = all(is_looked_after(each, version) for each in flaws)
    doubt = "" if known else "; nobody has looked at this series, which may have all of it"
    good = written(first_good(name, version))
    yield RULES["HM202"].finding(
        place,
        f"{_SHOWN[name]} {version} is open on ASGI to "
        f"{_listed(f'{each.id} ({each.what})' for each in flaws)}{doubt}",
        seen=seen,
        confidence=Confidence.CERTAIN if known and seen is Seen.IMPORT else Confidence.LIKELY,
        fix=Fix(FixKind.SETTING, f"upgrade to {_SHOWN[name]} {good} or newer: {flaws[-1].link}"),
        cause=f"HM202 {_SHOWN[name]}",
    )


def _matters(called: str, sources: Sources) -> bool:
    """Tell whether a project calls what a flaw is in."""
    return not called or any(called in each.calls for each in sources.modules)


def _listed(texts: Iterable[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
