"""Context variables that are reset in another context than the one in which they were set."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_BEFORE: Final = {"process_request", "process_view"}
_AFTER: Final = {"process_exception", "process_response", "process_template_response"}


@static("HM413")
def tokens_of_middleware(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``variable.reset(token)`` in ``process_response`` of what ``process_request`` has set."""
    for owner in module.nodes(ast.ClassDef):
        methods = {each.name: each for each in owner.body if isinstance(each, ast.FunctionDef)}
        given = {
            module.segment(call.func.value)
            for name in _BEFORE & methods.keys()
            for call in ast.walk(methods[name])
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "set"
        }
        for name in sorted(_AFTER & methods.keys()):
            for call in _resets(methods[name]):
                variable = module.segment(call.func.value) if isinstance(call.func, ast.Attribute) else ""
                if variable in given:
                    yield _finding(module, call, variable, name)


def _resets(method: ast.FunctionDef) -> Iterator[ast.Call]:
    """Give the calls of ``reset`` with a token."""
    for call in ast.walk(method):
        match call:
            case ast.Call(func=ast.Attribute(attr="reset"), args=[_], keywords=[]):
                yield call
            case _:
                pass


def _finding(module: SourceModule, call: ast.Call, variable: str, name: str) -> Finding:
    return RULES["HM413"].finding(
        module.place(call),
        f"{variable} is set in process_request and reset in {name}: on ASGI the two may run in copies of the "
        "context, where the token is refused with ValueError",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY,
        fix=Fix(FixKind.SUGGEST, "set and reset it in one __call__, around get_response()"),
    )
