"""What makes the path alone not tell which view answers."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.knowing import is_request
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.settings import place_of_entry
from hybrid.adapters.django.migrate.source.sources import Sources

_PATTERNS: Final = {"django.conf.urls.i18n.i18n_patterns"}


@static("HM411")
def chosen_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``request.urlconf = …`` and ``i18n_patterns()``."""
    for node in module.nodes(ast.Attribute):
        if node.attr == "urlconf" and isinstance(node.ctx, ast.Store) and is_request(module, node.value):
            yield _finding(
                module.place(node),
                f"{module.segment(node)} is set, so that the path alone does not tell the view, nor its lane",
                Seen.STATIC,
            )
    for call in module.calls_of(_PATTERNS):
        yield _finding(
            module.place(call),
            "i18n_patterns() puts the language of the request in front of paths: which view a path is for "
            "depends on it, on both lanes",
            Seen.STATIC,
        )


@imported("HM411")
def chosen_by_middleware(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find middleware of others that sets the URLconf."""
    for each in facts.middleware:
        if each.used and each.sets_urlconf and sources.at(each.where.file) is None:
            yield _finding(
                place_of_entry(sources, facts.settings_module, "MIDDLEWARE", each.path),
                f"{each.path} sets request.urlconf, so that the path alone does not tell the view, nor its "
                "lane",
                Seen.IMPORT,
            )


def _finding(place: Place, said: str, seen: Seen) -> Finding:
    return RULES["HM411"].finding(place, said, seen=seen)
