"""What is around one application of a project, and not around the other."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_HANDLERS: Final = {"django.core.handlers.wsgi.WSGIHandler", ""}
_GET: Final = "django.core.wsgi.get_wsgi_application"
#: Words in which the two of a pair differ: ``SentryWsgiMiddleware`` and ``SentryAsgiMiddleware``.
_KINDS: Final = ("wsgi", "asgi")


@imported("HM114")
def around_wsgi_alone(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find what the WSGI application is wrapped in, and the ASGI application is not."""
    if not (facts.wsgi.path and facts.asgi.path):
        return
    there = {_kindless(each) for each in facts.asgi.around}
    place = sources.place(facts.wsgi.where.file, facts.wsgi.where.line, facts.wsgi.path)
    module = sources.at(facts.wsgi.where.file)
    for each in facts.wsgi.around:
        if _kindless(each) not in there:
            yield _missing(_place_of(module, each) or place, each, facts.asgi.path, Seen.IMPORT)
    if facts.wsgi.handler not in _HANDLERS:
        yield RULES["HM114"].finding(
            place,
            f"{facts.wsgi.handler} is the project's own handler of WSGI: what it does is not done on ASGI",
            seen=Seen.IMPORT,
            confidence=Confidence.LIKELY,
            cause=f"HM114 {facts.wsgi.handler}",
        )


@static("HM114")
def around_wsgi_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find what ``wsgi.py`` puts around Django's application, and ``asgi.py`` beside it does not."""
    if not any(module.called(call) == _GET for call in module.nodes(ast.Call)):
        return
    beside = sources.at(module.path.with_name(module.path.name.replace("wsgi", "asgi")))
    if beside is None or beside is module:
        return
    there = {_kindless(beside.called(call)) for call in beside.nodes(ast.Call)}
    for call in _around(module):
        name = module.called(call)
        if _kindless(name) not in there:
            yield _missing(module.place(call), name, beside.shown, Seen.STATIC)


def _place_of(module: SourceModule | None, name: str) -> Place | None:
    """Return where something is put around the application, if the module does that by its name."""
    if module is None:
        return None
    named = (call for call in _around(module) if _kindless(module.called(call)) == _kindless(name))
    return next(map(module.place, named), None)


def _around(module: SourceModule) -> Iterator[ast.Call]:
    """Give the calls that wrap ``application``, from the inside: ``application = Sentry(application)``."""
    names = {"application"}
    for node in module.tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        targets = {each.id for each in node.targets if isinstance(each, ast.Name)}
        call: ast.expr = node.value
        found: list[ast.Call] = []
        while isinstance(call, ast.Call) and module.called(call) != _GET and call.args:
            found.append(call)
            call = call.args[0]
        inner = isinstance(call, ast.Call) or (isinstance(call, ast.Name) and call.id in names)
        if inner:
            names |= targets
            yield from (each for each in reversed(found) if module.called(each))


def _kindless(name: str) -> str:
    """Return the last part of a name without the kind in it, so that both of a pair are the same."""
    last = name.rpartition(".")[2].lower()
    for each in _KINDS:
        last = last.replace(each, "")
    return last


def _missing(place: Place, name: str, asgi: str, seen: Seen) -> Finding:
    return RULES["HM114"].finding(
        place,
        f"{name} is around the WSGI application and not around {asgi}: what it does is not done on ASGI",
        seen=seen,
        confidence=Confidence.CERTAIN if seen is Seen.IMPORT else Confidence.LIKELY,
        cause=f"HM114 {name.rpartition('.')[2]}",
    )
