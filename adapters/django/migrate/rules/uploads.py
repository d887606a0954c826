"""Views that take uploads, whose bodies Django has read whole on ASGI before anybody looks at them."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.knowing import is_request, last_name
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Of Django REST framework: those that take files.
_PARSERS: Final = {"rest_framework.parsers.MultiPartParser", "rest_framework.parsers.FileUploadParser"}
_FIX: Final = Fix(FixKind.SETTING, "limit the body at the server (--limit-request-body), or at the proxy")


@static("HM203")
def files_that_are_read(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``request.FILES``, once in each function, and views of REST framework that parse files."""
    seen = set[ast.AST | None]()
    for node in module.nodes(ast.Attribute):
        if node.attr == "FILES" and is_request(module, node.value):
            function = module.function_of(node)
            if function not in seen:
                seen.add(function)
                yield _finding(module, node, module.segment(node), Confidence.LIKELY)
    for assign in module.nodes(ast.Assign):
        if any(last_name(each) == "parser_classes" for each in assign.targets):
            for each in ast.walk(assign.value):
                if isinstance(each, (ast.Name, ast.Attribute)) and module.dotted(each) in _PARSERS:
                    yield _finding(module, assign, last_name(each), Confidence.LIKELY)
                    break


def _finding(module: SourceModule, node: ast.AST, name: str, sure: Confidence) -> Finding:
    return RULES["HM203"].finding(
        module.place(node),
        f"{name} takes uploads: on ASGI Django has taken in the whole body, large ones on the disk, before "
        "any middleware, limit or login",
        seen=Seen.STATIC,
        confidence=sure,
        fix=_FIX,
        cause="HM203",
    )
