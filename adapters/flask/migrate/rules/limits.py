"""Limits that Flask has, and that the server has as well."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Fix, FixKind, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.registry import imported
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.facts import flask_facts

_SETTING: Final = "MAX_CONTENT_LENGTH"
_SERVER: Final = 1 << 30  # --limit-request-body, unless it is given


@imported("HF307")
def bodies(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find a limit of Flask's: a warning where the server refuses what it would take."""
    limit = flask_facts(facts).config.get(_SETTING)
    if not isinstance(limit, int) or limit == _SERVER or limit <= 0:
        return
    more = limit > _SERVER
    said = (
        "the server refuses bodies from 1 GiB on"
        if more
        else "the server takes up to 1 GiB before Flask refuses"
    )
    yield RULES["HF307"].finding(
        _place(sources),
        f"{_SETTING} is {limit:,} bytes, and {said}",
        seen=Seen.IMPORT,
        level=Level.WARNING if more else Level.NOTE,
        fix=Fix(FixKind.SETTING, f"hybrid serve --limit-request-body {limit}"),
    )


def _place(sources: Sources) -> Place:
    """Return where the source names the setting first: as a key, an attribute, a name or an argument."""
    for module in sources.modules:
        if _SETTING in module.text and not sources.is_test(module):
            for node in module.nodes(ast.Constant, ast.Name, ast.keyword, ast.Attribute):
                named = getattr(node, "value", None), getattr(node, "id", None), getattr(node, "arg", None)
                if _SETTING in named or getattr(node, "attr", None) == _SETTING:
                    found = module.place(node)
                    return Place(found.file, found.line, found.line, _SETTING)
    return Place(symbol=_SETTING)
