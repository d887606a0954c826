"""Tools of a project that turn into something else under ASGI."""

from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.known_versions import Version, parsed, written
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.settings import entries_of, place_of_entry
from hybrid.adapters.django.migrate.source.sources import Sources

_DAPHNE: Final = "daphne"
#: Applications that have not always known ASGI: the distribution, the first version that does, and the rest.
_SINCE: Final[dict[str, tuple[str, Version, str]]] = {
    "debug_toolbar": ("django-debug-toolbar", (5, 0), "its middleware is synchronous before"),
}


@imported("HM415")
def installed_tools(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find applications in INSTALLED_APPS that change what is served, or are too old."""
    for app in facts.apps:
        place = place_of_entry(sources, facts.settings_module, "INSTALLED_APPS", app)
        if app == _DAPHNE:
            yield _daphne(place, Seen.IMPORT)
        name, since, why = _SINCE.get(app, ("", (), ""))
        version = facts.versions.get(name, "")
        if version and parsed(version) < since:
            yield RULES["HM415"].finding(
                place,
                f"{name} {version} does not know ASGI: {why} {written(since)}",
                seen=Seen.IMPORT,
                fix=Fix(FixKind.SETTING, f"upgrade to {name} {written(since)} or newer"),
            )


@static("HM415")
def named_tools(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find daphne in settings that are only read."""
    for entry in entries_of(module, "INSTALLED_APPS"):
        if entry.text == _DAPHNE or entry.text.startswith(f"{_DAPHNE}."):
            yield _daphne(entry.place, Seen.STATIC)


def _daphne(place: Place, seen: Seen) -> Finding:
    return RULES["HM415"].finding(
        place,
        "daphne in INSTALLED_APPS makes runserver an ASGI server: what is tried there is not what a WSGI "
        "server does",
        seen=seen,
        confidence=Confidence.CERTAIN if seen is Seen.IMPORT else Confidence.LIKELY,
        fix=Fix(FixKind.SUGGEST, "take it out, and run the server that is meant"),
    )
