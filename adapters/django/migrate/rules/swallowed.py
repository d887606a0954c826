"""Errors that only ASGI raises, where everything is caught."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Seen
from hybrid.adapters.django.migrate.rules.knowing import suppressed, takes_everything
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.rules.requests import environ_of_request, keys_of_wsgi
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_BROAD: Final = {"BaseException", "Exception"}


@static("HM414")
def caught_with_everything(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find the errors of HM101 and HM102 in a ``try`` that takes whatever comes and goes on."""
    blocks = [*_blocks(module)]
    if not blocks:
        return
    raised = [*environ_of_request(module, sources), *keys_of_wsgi(module, sources)]
    for node, body in blocks:
        inside = [
            each
            for each in raised
            if each.level is Level.ERROR and body[0].lineno <= each.place.line <= (body[-1].end_lineno or 0)
        ]
        if inside:
            yield RULES["HM414"].finding(
                module.place(node),
                f"{inside[0].evidence} in line {inside[0].place.line}, which is caught here with everything: "
                "what depends on it is lost in silence on ASGI",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
            )


def _blocks(module: SourceModule) -> Iterator[tuple[ast.stmt, list[ast.stmt]]]:
    """Give what takes every error and goes on, with its body."""
    for node in module.nodes(ast.Try):
        for handler in node.handlers:
            if takes_everything(handler):
                if not any(isinstance(each, ast.Raise) for each in ast.walk(handler)):
                    yield node, node.body
                break
    for each in module.nodes(ast.With):
        if _BROAD & suppressed(module, each):
            yield each, each.body
