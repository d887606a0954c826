"""Receivers that go by which handler has sent a signal."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.knowing import last_name
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_WSGI: Final = {"django.core.handlers.wsgi.WSGIHandler"}
_ASGI: Final = "ASGIHandler"
_FIX: Final = Fix(FixKind.SUGGEST, "take both: (WSGIHandler, ASGIHandler)")


@static("HM409")
def only_of_wsgi(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``sender is WSGIHandler``, and receivers that are connected for that sender alone."""
    if "WSGIHandler" not in module.text:
        return
    nodes: list[ast.expr] = [*module.nodes(ast.Name), *module.nodes(ast.Attribute)]
    for node in nodes:
        if module.dotted(node) in _WSGI and (said := _use(module, node)):
            yield RULES["HM409"].finding(
                module.place(node),
                f"{said}: on ASGI the sender is ASGIHandler, and this does nothing",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
                fix=_FIX,
            )


def _use(module: SourceModule, node: ast.expr) -> str:
    """Say how the handler's class is used, if that is for a sender, and the other one is not beside it."""
    above = module.parent(node)
    match above:
        case ast.keyword(arg="sender"):
            call = module.parent(above)
            return "" if _knows_other(module, node) else _connected(call)
        case ast.Compare():
            names = {last_name(each) for each in (above.left, *above.comparators)}
            return (
                ""
                if "sender" not in names or _knows_other(module, node)
                else "sender is compared with WSGIHandler"
            )
        case ast.Call(func=ast.Name(id="issubclass" | "isinstance"), args=[first, *_]):
            asked = last_name(first) == "sender" and not _knows_other(module, node)
            return "sender is asked for WSGIHandler" if asked else ""
        case _:
            return ""


def _connected(call: ast.AST | None) -> str:
    names = {last_name(each) for each in ast.walk(call)} if call is not None else set[str]()
    signals = names & {"request_started", "request_finished", "got_request_exception"}
    return f"the receiver of {min(signals)} is connected for WSGIHandler alone" if signals else ""


def _knows_other(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether the function, or the statement, has ASGIHandler in it too."""
    around: ast.AST | None = module.function_of(node)
    if around is None:
        around = next((each for each in module.ancestors(node) if isinstance(each, ast.stmt)), None)
    return around is not None and any(last_name(each) == _ASGI for each in ast.walk(around))
