"""What newer versions of Flask do not have."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Seen
from hybrid.adapters.django.migrate.rules.known_versions import parsed
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.beside import pins_beside
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.rules.knowing import expects

#: Names, and the first version without them.
_IMPORTS: Final = {
    "flask._app_ctx_stack": (3, 0),
    "flask._request_ctx_stack": (3, 0),
    "flask.Markup": (3, 0),
    "flask.escape": (3, 0),
    "flask.json.JSONDecoder": (2, 3),
    "flask.json.JSONEncoder": (2, 3),
    "flask.safe_join": (2, 1),
}
_DECORATORS: Final = {"before_app_first_request": (2, 3), "before_first_request": (2, 3)}


@static("HF108")
def removed(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find these names: an error where a list of packages asks for a version without them, nothing where it
    asks for an older one.
    """
    asked = _version(sources)
    for node, name, since in _used(module):
        if asked is None or asked >= since:
            yield RULES["HF108"].finding(
                module.place(node),
                f"{name} is not there from Flask {since[0]}.{since[1]} on",
                seen=Seen.STATIC,
                confidence=Confidence.POSSIBLE if asked is None else Confidence.CERTAIN,
                level=Level.WARNING if asked is None else Level.ERROR,
            )


def _used(module: SourceModule) -> Iterator[tuple[ast.AST, str, tuple[int, int]]]:
    for node in module.nodes(ast.ImportFrom):
        for alias in node.names:
            name = module.meant_by(node, alias.name)
            if name in _IMPORTS and not expects(module, node, alias.name, "ImportError"):
                yield node, name, _IMPORTS[name]
    functions: Iterator[Function] = module.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    for decorated in functions:
        for decorator in decorated.decorator_list:
            if isinstance(decorator, ast.Attribute) and decorator.attr in _DECORATORS:
                if expects(module, decorated, decorator.attr, "AttributeError"):
                    continue
                yield decorator, decorator.attr, _DECORATORS[decorator.attr]


def _version(sources: Sources) -> tuple[int, ...] | None:
    """Return the version of Flask that lists of packages ask for, where they say exactly one."""
    found = {each.version for each in pins_beside(sources.root) if each.name == "flask"}
    return (*parsed(found.pop()), 0)[:2] if len(found) == 1 else None
