"""Channel layers that do not reach whom they should."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.crossing_names import TO_SYNC
from hybrid.adapters.django.migrate.rules.knowing import last_name
from hybrid.adapters.django.migrate.rules.registry import imported
from hybrid.adapters.django.migrate.rules.tables import tables_of
from hybrid.adapters.django.migrate.source.beside import Command, commands_beside
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.settings import place_of_setting
from hybrid.adapters.django.migrate.source.sources import Sources

_IN_MEMORY: Final = ("InMemoryChannelLayer", "memory")
_SENDS: Final = {"group_send", "send"}
#: Servers of WSGI, and of ASGI: one of each is two processes.
_OF_WSGI, _OF_ASGI = {"gunicorn", "uwsgi"}, {"daphne", "hypercorn", "uvicorn"}


@imported("HM501")
def in_memory_of_several(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find layers in memory: an error where the files beside the project start several processes."""
    for alias in _in_memory(facts):
        several = _several(sources)
        yield RULES["HM501"].finding(
            place_of_setting(sources, facts.settings_module, "CHANNEL_LAYERS", alias),
            f"the channel layer {alias!r} is in memory"
            + (f", and {several}" if several else "")
            + ": what one process sends never reaches the sockets of another"
            + ("" if several else ", as soon as there are several, or workers for tasks"),
            seen=Seen.IMPORT,
            confidence=Confidence.LIKELY if several else Confidence.POSSIBLE,
            level=None if several else Level.NOTE,
            fix=Fix(FixKind.SETTING, 'take a layer that all share: channels_redis, or "workers" of hybrid'),
        )


@imported("HM502")
def sent_from_threads(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find what synchronous code sends through a layer in memory.

    A warning, because it depends on the server: a thread that does not know its loop wakes up nobody.
    """
    if not any(True for _ in _in_memory(facts)):
        return
    modules = (each for each in sources.modules if not sources.is_test(each))
    for module in modules:
        for made in module.calls_of(TO_SYNC):
            if _sends(module, made):
                yield RULES["HM502"].finding(
                    module.place(made),
                    f"{module.segment(made.args[0])} is called on a thread on WSGI, and the layer is in "
                    "memory: unless the server has told the thread its loop, whoever waits is woken late, or "
                    "never",
                    seen=Seen.IMPORT,
                    confidence=Confidence.LIKELY,
                    level=Level.WARNING,
                )


def _in_memory(facts: Facts) -> Iterator[str]:
    for alias, layer in tables_of(facts, "CHANNEL_LAYERS"):
        if str(layer.get("BACKEND", "")).rpartition(".")[2] in _IN_MEMORY:
            yield alias


def _several(sources: Sources) -> str:
    """Say what starts several processes; ``""`` where nothing is seen to."""
    commands = [*commands_beside(sources.root)]
    for each in commands:
        workers = each.value("-w", "--workers") or ""
        if workers.isdecimal() and int(workers) > 1:
            return f"{each.shown} starts {each.server} with {workers} workers"
    return _split(commands)


def _split(commands: list[Command]) -> str:
    servers = {each.server: each.shown for each in commands}
    wsgi, asgi = sorted(_OF_WSGI & servers.keys()), sorted(_OF_ASGI & servers.keys())
    if wsgi and asgi and servers[wsgi[0]] == servers[asgi[0]]:
        return f"{servers[wsgi[0]]} starts {wsgi[0]} for WSGI and {asgi[0]} for ASGI"
    return ""


def _sends(module: SourceModule, made: ast.Call) -> bool:
    """Tell whether ``async_to_sync(layer.group_send)`` is in a function, and of a layer."""
    if not made.args or module.is_async(made) or module.function_of(made) is None:
        return False
    given = made.args[0]
    if last_name(given) == "group_send":
        return True
    return (
        isinstance(given, ast.Attribute)
        and given.attr in _SENDS
        and "layer" in last_name(given.value).lower()
    )
