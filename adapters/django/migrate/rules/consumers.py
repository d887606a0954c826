"""What consumers do with the database, and with a channel layer that is not there."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.querysets import Queries
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.definitions import ClassAt
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_CHANNELS: Final = ("channels.consumer.", "channels.generic.")
_CONSUMERS: Final = (*_CHANNELS, "hybrid.Async", "hybrid.Sync", "hybrid.Json", "hybrid.Websocket")


@static("HM504")
def queries_of_consumers(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find synchronous queries in coroutines of consumers: an error where the model is surely Django's."""
    for owner in _consumers(module, sources, _CONSUMERS):
        for method in owner.methods.values():
            if isinstance(method.node, ast.AsyncFunctionDef):
                for node, sure in Queries(module, sources.definitions, method.node).run():
                    yield RULES["HM504"].finding(
                        module.place(node),
                        f"{module.segment(node)[:60]} goes to the database synchronously in a coroutine of a "
                        "consumer: SynchronousOnlyOperation, on ASGI, where consumers run",
                        seen=Seen.STATIC,
                        confidence=sure,
                        level=Level.ERROR if sure is Confidence.CERTAIN else None,
                        fix=Fix(
                            FixKind.SUGGEST,
                            "await Django's method with an a in front, or database_sync_to_async(…)(…)",
                        ),
                    )


@imported("HM504")
def layers_that_are_missing(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find consumers of Channels that use a channel layer where the settings have none."""
    if facts.settings.get("CHANNEL_LAYERS"):
        return
    modules = (each for each in sources.modules if not sources.is_test(each))
    for module in modules:
        for owner in _consumers(module, sources, _CHANNELS):
            node = next(_uses_layer(owner), None)
            if node is not None:
                yield RULES["HM504"].finding(
                    module.place(node),
                    f"{owner.node.name} uses self.channel_layer, which is None on ASGI, because "
                    "CHANNEL_LAYERS is not set: AttributeError",
                    seen=Seen.IMPORT,
                    confidence=Confidence.LIKELY,
                    fix=Fix(FixKind.SETTING, "set CHANNEL_LAYERS"),
                )


def _consumers(module: SourceModule, sources: Sources, bases: tuple[str, ...]) -> Iterator[ClassAt]:
    definitions = sources.definitions
    for owner in definitions.classes_of(module):
        if any(each.startswith(bases) for each in definitions.foreign_bases(owner)):
            yield owner


def _uses_layer(owner: ClassAt) -> Iterator[ast.AST]:
    """Give what calls methods of ``self.channel_layer``."""
    for node in ast.walk(owner.node):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="channel_layer"))
            ):
                yield node
            case _:
                pass
