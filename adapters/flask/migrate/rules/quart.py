"""How much a move to Quart would change, counted."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Seen
from hybrid.adapters.django.migrate.rules.registry import whole
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Attributes of ``flask.request``, and functions, that are awaited in Quart.
_OF_REQUEST: Final = {"data", "files", "form", "get_data", "get_json", "json", "values"}
_FUNCTIONS: Final = {
    "flask.flash",
    "flask.make_response",
    "flask.render_template",
    "flask.render_template_string",
    "flask.send_file",
    "flask.send_from_directory",
    "flask.stream_template",
}


@whole("HF408")
def to_be_awaited(sources: Sources) -> Iterator[Finding]:
    """Count what would be awaited, and the functions around it."""
    places: list[tuple[SourceModule, ast.AST]] = []
    for module in sources.modules:
        if not sources.is_test(module):
            places += [(module, node) for node in _awaited(module)]
    if not places:
        return
    module, first = places[0]
    functions = {(id(module), module.function_of(node)) for module, node in places}
    files = {module.shown for module, _ in places}
    yield RULES["HF408"].finding(
        replace(module.place(first), symbol=module.name),  # and of no function: it is of all
        f"{len(places)} places in {len(functions)} functions of {len(files)} files would be awaited there, "
        "this one first",
        seen=Seen.STATIC,
        cause="HF408",
    )


def _awaited(module: SourceModule) -> Iterator[ast.AST]:
    yield from module.calls_of(_FUNCTIONS)
    for node in module.nodes(ast.Attribute):
        if node.attr in _OF_REQUEST and module.dotted(node.value) == "flask.request":
            yield node
