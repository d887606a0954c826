"""What is around a Flask application: ProxyFix, middleware for prefixes, and wrappers of the whole object."""

import ast
from collections.abc import Iterator
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.knowing import parameter, text_of
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.facts import flask_facts
from hybrid.adapters.flask.migrate.rules.knowing import place_of, runs_at_import

_PROXY_FIX: Final = {"werkzeug.middleware.proxy_fix.ProxyFix", "werkzeug.contrib.fixers.ProxyFix"}
#: Options of ProxyFix, its defaults, and the words of ``--forwarded-fields``.
_FIELDS: Final = {"x_for": 1, "x_proto": 1, "x_host": 0, "x_port": 0, "x_prefix": 0}


@static("HF202")
def proxy_fix_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find where ProxyFix is put around something."""
    for call in module.calls_of(_PROXY_FIX):
        given = {each.arg: each.value.value for each in call.keywords if isinstance(each.value, ast.Constant)}
        known = len(given) == len(call.keywords) and len(call.args) == 1
        sure = Confidence.LIKELY if runs_at_import(module, call) else Confidence.POSSIBLE
        yield _proxy_fix(module.place(call), given if known else None, Seen.STATIC, sure)


@imported("HF202")
def proxy_fix_around(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find it around the application."""
    for each in flask_facts(facts).wrappers:
        if each.path in _PROXY_FIX:
            place = place_of(sources, _PROXY_FIX) or Place(symbol=each.path)
            yield _proxy_fix(place, each.options, Seen.IMPORT, Confidence.CERTAIN)


def _proxy_fix(place: Place, options: dict[Any, Any] | None, seen: Seen, sure: Confidence) -> Finding:
    """Say which settings of the server do the same; options are None where they are not written out."""
    numbers = {name: (options or {}).get(name, default) for name, default in _FIELDS.items()}
    fields = ",".join(name.removeprefix("x_") for name, number in numbers.items() if number)
    what, more = (
        (fields or "nothing", fields or "for") if options is not None else ("what it is told", "FIELDS")
    )
    hops = max((each for each in numbers.values() if isinstance(each, int)), default=1)
    several = f", with all {hops} proxies in it," if hops > 1 else ""
    return RULES["HF202"].finding(
        place,
        f"ProxyFix takes {what} from the fields of whoever connects, after the server has looked at those of "
        "its own proxies",
        seen=seen,
        confidence=sure,
        fix=Fix(
            FixKind.SETTING,
            f"leave it out: hybrid serve --forwarded-allow-ips ADDRESSES{several} --forwarded-fields {more}",
        ),
        cause="HF202",
    )


@imported("HF405")
def around_the_object(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find targets that are something around the Flask object; an error where its WebSockets are lost so."""
    said = flask_facts(facts)
    around = [each for each in said.wrappers if each.on == "app"]
    if not around:
        return
    names = ", ".join(each.path.rpartition(".")[2] for each in around)
    mounts = sorted({path for each in around for path in each.mounts})
    more = (
        f"; it also has {', '.join(mounts)}, which can be targets: hybrid serve … {mounts[0]}=MODULE:APP"
        if mounts
        else ""
    )
    lost = "its WebSockets are not found: name them, hybrid serve MODULE:TARGET MODULE:WEBSOCKETS"
    yield RULES["HF405"].finding(
        sources.place(said.where.file, said.where.line, said.target),
        f"{said.target} is {names} around the Flask object{'; ' + lost if said.has_sockets else ''}{more}",
        seen=Seen.IMPORT,
        level=Level.ERROR if said.has_sockets else Level.NOTE,
    )


@static("HF406")
def prefixes(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find WSGI middleware that sets SCRIPT_NAME."""
    for node in module.nodes(ast.Assign):
        function = module.function_of(node)
        if function is None or parameter(function, "environ") is None:
            continue
        for target in node.targets:
            match target:
                case ast.Subscript(value=ast.Name(id="environ"), slice=key) if text_of(key) == "SCRIPT_NAME":
                    yield RULES["HF406"].finding(
                        module.place(node),
                        f"{module.symbol(node)} sets SCRIPT_NAME, which WebSockets do not follow",
                        seen=Seen.STATIC,
                        confidence=Confidence.LIKELY,
                    )
                case _:
                    pass
