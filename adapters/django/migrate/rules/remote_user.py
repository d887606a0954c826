"""Users that are taken from REMOTE_USER, which on ASGI is a header that any client can send."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.fields import fields_read
from hybrid.adapters.django.migrate.rules.knowing import guarded_by, last_name
from hybrid.adapters.django.migrate.rules.known_versions import Version, parsed
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.settings import entries_of, place_of_entry
from hybrid.adapters.django.migrate.source.sources import Sources

_CLASS: Final = "django.contrib.auth.middleware.RemoteUserMiddleware"
_DJANGOS: Final = {_CLASS, "django.contrib.auth.middleware.PersistentRemoteUserMiddleware"}
_KEYS: Final = {"REMOTE_USER"}
_ASYNC: Final = (5, 2)
_LOOKS_AGAIN: Final = (6, 1)
_W: Final = Level.WARNING
_SPOOFED: Final = "a header {0} of any client is that, and makes it anybody"
_HEADERS: Final = {"HTTP_REMOTE_USER"}


@imported("HM201")
def middleware_of_the_chain(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find RemoteUserMiddleware and what is made of it in MIDDLEWARE."""
    django = parsed(facts.versions.get("django", ""))
    for each in facts.middleware:
        if each.used and each.header:
            place = place_of_entry(sources, facts.settings_module, "MIDDLEWARE", each.path)
            owner = sources.definitions.class_(each.path)
            own = owner is not None and sources.definitions.method(owner, "process_request") is not None
            said, level = _judged(each.header, django, own=own)
            yield _of_middleware(place, each.path, said, Seen.IMPORT, level)


def _judged(header: str, django: Version, *, own: bool) -> tuple[str, Level]:
    """Say what a middleware does with a key of META on ASGI; ``own`` where it looks it up itself.

    From Django 5.2 ``aprocess_request`` puts HTTP_ in front of the key, whatever it is; 6.1 has changed that
    for keys that have it already.
    """
    if header == "REMOTE_USER":
        if django and django < _ASYNC:
            return "takes the user from META['REMOTE_USER'], which no ASGI server sets", Level.ERROR
        return f"takes the user from META['{header}']: {_SPOOFED.format('Remote-User')}", Level.ERROR
    if header.startswith("HTTP_") and _ASYNC <= django < _LOOKS_AGAIN and not own:
        name = header.replace("_", "-").title()
        return f"takes the user from META['HTTP_{header}']: {_SPOOFED.format(name)}", Level.ERROR
    name = header if header.isidentifier() else "a key of its own"
    return (
        f"takes the user from {name}: a header that every client can send, unless a proxy takes it away",
        _W,
    )


@static("HM201")
def middleware_in_settings(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find the same in settings that are only read; a class with a key of its own for a warning."""
    for entry in entries_of(module, "MIDDLEWARE"):
        if _is_remote_user(entry.text, sources):
            header = "" if _has_header(entry.text, sources) else "REMOTE_USER"
            said, level = _judged(header, (), own=True)
            yield _of_middleware(entry.place, entry.text, said, Seen.STATIC, level)


def _has_header(path: str, sources: Sources) -> bool:
    owner = sources.definitions.class_(path)
    parts = sources.definitions.line(owner) if owner is not None else ()
    return any("header" in _names(node) for each in parts for node in each.node.body)


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.Assign(targets=targets):
            return {last_name(each) for each in targets}
        case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


@static("HM201")
def own_code(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find the project's own look at the field: a warning, because what it is used for is not seen."""
    for node, key in fields_read(module):
        if key in _KEYS and not guarded_by(module, node, key, "KeyError"):
            said = (
                f"{module.segment(node)}: ASGI servers set no REMOTE_USER, and a header Remote-User, which "
                "any client can send, is not this key"
            )
            yield _of_code(module, node, said, Confidence.LIKELY)
        elif key in _HEADERS:
            said = (
                f"{module.segment(node)} is a header that any client can send, unless a proxy in front of "
                "the ASGI server takes it away"
            )
            yield _of_code(module, node, said, Confidence.POSSIBLE)


def _is_remote_user(path: str, sources: Sources) -> bool:
    if path in _DJANGOS:
        return True
    owner = sources.definitions.class_(path)
    return owner is not None and bool(_DJANGOS & sources.definitions.foreign_bases(owner))


def _of_middleware(place: Place, path: str, said: str, seen: Seen, level: Level) -> Finding:
    return RULES["HM201"].finding(
        place,
        f"{path}, on ASGI, {said}",
        seen=seen,
        confidence=Confidence.CERTAIN if seen is Seen.IMPORT else Confidence.LIKELY,
        level=level,
        fix=Fix(
            FixKind.LANE,
            "keep all views behind it on the wsgi lane, or have a proxy take the header away from what "
            "clients send",
        ),
        cause=f"HM201 {path}",
    )


def _of_code(module: SourceModule, node: ast.expr, said: str, sure: Confidence) -> Finding:
    return RULES["HM201"].finding(
        module.place(node), said, seen=Seen.STATIC, confidence=sure, level=Level.WARNING
    )
