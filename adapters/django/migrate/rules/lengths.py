"""Code that goes by the length that a client says its body has."""

import ast
from collections.abc import Iterator

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Seen
from hybrid.adapters.django.migrate.rules.fields import fields_read
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources


@static("HM403")
def decided_by_length(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``CONTENT_LENGTH`` that is made a number or compared: a chunked body has none."""
    for node, key in fields_read(module):
        if key == "CONTENT_LENGTH" and _decides(module, node):
            yield RULES["HM403"].finding(
                module.place(node),
                f"{module.segment(node)} is missing where a body is chunked: Django reads nothing of that on "
                "WSGI, and all of it on ASGI, past this",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
            )


def _decides(module: SourceModule, node: ast.AST) -> bool:
    for above in module.ancestors(node):
        match above:
            case ast.Compare() | ast.Call(func=ast.Name(id="int")):
                return True
            case ast.BoolOp() | ast.IfExp():
                continue
            case _:
                return False
    return False
