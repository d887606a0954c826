"""What works in a process's main thread alone, or not beside an event loop of asyncio."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.knowing import functions_around, guarded_by, takes_request
from hybrid.adapters.django.migrate.rules.registry import imported, static, whole
from hybrid.adapters.django.migrate.source.beside import DEPLOYMENT, lines_of
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_SIGNALS: Final = {"signal.signal", "signal.set_wakeup_fd"}
_PATCHES: Final = {"gevent.monkey.patch_all", "gevent.monkey.patch_socket", "gevent.monkey.patch_thread"}
_EVENTLET: Final = {"eventlet.monkey_patch", "eventlet.patcher.monkey_patch"}
_GREEN: Final = ("gevent", "eventlet")
_OPTION: Final = re.compile(r"(?:-k|--worker-class)[\s=,\"']+(gevent|eventlet|ggevent|geventlet)")


@static("HM111")
def signals_of_the_process(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``signal.signal()`` in functions: an error in what a request leads to. Coroutines run in the main
    thread, which is the event loop's.
    """
    for call in module.calls_of(_SIGNALS):
        if module.function_of(call) is None or module.is_async(call):
            continue
        if guarded_by(module, call, "main_thread", "ValueError"):
            continue
        in_view = _is_given_request(module, call)
        yield RULES["HM111"].finding(
            module.place(call),
            f"{module.called(call)}() raises ValueError on any thread but the main one, and views run on "
            "others",
            seen=Seen.STATIC,
            confidence=Confidence.LIKELY if in_view else Confidence.POSSIBLE,
            level=Level.ERROR if in_view else Level.WARNING,
        )


def _is_given_request(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether a node is in a function that has a request for an argument."""
    return any(takes_request(module, function) for function in functions_around(module, node))


@static("HM112")
def patches_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find calls that patch the process, and gunicorn's ``worker_class`` in its configuration."""
    for call in module.nodes(ast.Call):
        called = module.called(call)
        if called in _PATCHES or called in _EVENTLET:
            if _runs_when_imported(module, call) or _configures_gunicorn(module):
                yield _patched(module.place(call), f"{called}() patches the process", Seen.STATIC)
            else:
                said = f"{called}() patches the process that calls this function"
                yield replace(
                    _patched(module.place(call), said, Seen.STATIC),
                    level=Level.NOTE,
                    confidence=Confidence.POSSIBLE,
                )
    if _configures_gunicorn(module):
        for node in module.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id="worker_class")], value=ast.Constant(value=str(value))):
                    if value.rpartition(".")[2].startswith((*_GREEN, "ggevent", "geventlet")):
                        yield _patched(module.place(node), f"gunicorn's worker_class is {value}", Seen.STATIC)
                case _:
                    pass


def _runs_when_imported(module: SourceModule, call: ast.Call) -> bool:
    """Tell whether importing a module comes to a call: in no function, or in one that is called so."""
    around = [*functions_around(module, call)]
    if not around:
        return True
    name = module.symbol(around[-1])
    return any(module.function_of(each) is None for each in module.calls.get(name, ()))


def _configures_gunicorn(module: SourceModule) -> bool:
    """Tell whether gunicorn reads a module, whose functions are then its hooks."""
    return module.path.name.startswith("gunicorn") or module.path.name.endswith(".conf.py")


@whole("HM112")
def patches_in_deployment(sources: Sources) -> Iterator[Finding]:
    """Find the option of gunicorn in the files beside a project that say how it is served."""
    for shown, number, line in lines_of(sources.root, *DEPLOYMENT):
        found = _OPTION.search(line)
        if found and not line.lstrip().startswith("#"):
            place = Place(shown, number, number, shown)
            yield _patched(place, f"gunicorn is started with {found[1]} workers", Seen.STATIC)


@imported("HM112")
def patched_when_imported(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find a process that was patched when the project had been imported."""
    if facts.monkey:
        yield _patched(
            Place(symbol=facts.monkey), f"importing the project has {facts.monkey} patch it", Seen.IMPORT
        )


def _patched(place: Place, said: str, seen: Seen) -> Finding:
    return RULES["HM112"].finding(
        place, f"{said}: asyncio does not work with patched sockets and threads", seen=seen, cause="HM112"
    )
