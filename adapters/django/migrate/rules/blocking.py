"""Calls in asynchronous code that make everybody wait."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.blocking_calls import FILE_METHODS, FUNCTIONS, LONG, OBJECTS, QUIET
from hybrid.adapters.django.migrate.rules.knowing import is_awaited, values_of
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_THREAD: Final = "sync_to_async(…), or asyncio.to_thread(…)"


Said = tuple[str, str, Confidence]


@static("HM307")
def calls_in_coroutines(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find calls that block in ``async def``."""
    for call, said in blocking_calls(module, sources):
        yield _finding(module, call, *said)


def blocking_calls(module: SourceModule, sources: Sources) -> Iterator[tuple[ast.Call, Said]]:
    """Give the calls that block in ``async def``, with what blocks, what to use, and how sure that is: of a
    known function, of a method of a known object, of a file, and of the project's functions that do so.
    """
    if not any(True for _ in module.nodes(ast.AsyncFunctionDef)):
        return
    for call in module.nodes(ast.Call):
        if module.is_async(call) and not is_awaited(module, call):
            said = _known(module, call) or _of_object(module, call) or _of_file(module, call)
            said = said or _of_helper(module, sources, call)
            if said is not None:
                yield call, said


def _known(module: SourceModule, call: ast.Call) -> Said | None:
    called = module.called(call)
    advice = FUNCTIONS.get(called)
    return (f"{called}() blocks", advice, Confidence.CERTAIN) if advice else None


def _of_object(module: SourceModule, call: ast.Call) -> Said | None:
    """Judge methods of what is made on the spot, or of a local name: ``session.get(…)``."""
    match call.func:
        case ast.Attribute(value=ast.Call() as made, attr=name):
            kinds = {module.called(made)}
        case ast.Attribute(value=ast.Name(id=local), attr=name):
            kinds = _kinds(module, call, local)
        case _:
            return None
    if not kinds or name in QUIET or not all(each in OBJECTS for each in kinds):
        return None
    kind = min(kinds)
    return f"{name}() of {kind} blocks", OBJECTS[kind], Confidence.LIKELY


def _kinds(module: SourceModule, call: ast.Call, name: str) -> set[str]:
    """Return what makes the objects that a local name, or one of the module, stands for."""
    function = module.function_of(call)
    values = values_of(function, name) if function is not None else []
    if not values and not module.imports.get(name):
        values = [
            node.value
            for node in module.tree.body
            if isinstance(node, ast.Assign)
            and any(isinstance(each, ast.Name) and each.id == name for each in node.targets)
        ]
    return {module.called(each) if isinstance(each, ast.Call) else "" for each in values}


def _of_file(module: SourceModule, call: ast.Call) -> Said | None:
    match call.func:
        case ast.Name(id="open") if not module.dotted(call.func):
            return "open() waits for the disk", _THREAD, Confidence.LIKELY
        case ast.Attribute(attr=name) if name in FILE_METHODS:
            return f"{name}() waits for the disk", _THREAD, Confidence.LIKELY
        case _:
            return None


def _of_helper(module: SourceModule, sources: Sources, call: ast.Call) -> Said | None:
    """Look into a synchronous function of the project, one step."""
    called = module.called(call)
    found = sources.definitions.function(called) if called else None
    if found is None or found.is_async or found.node.decorator_list:
        return None
    for inner in found.module.calls_of(LONG):
        if found.module.function_of(inner) is found.node:
            name = found.module.called(inner)
            return f"{found.symbol}() calls {name}(), which blocks", _THREAD, Confidence.LIKELY
    return None


def _finding(module: SourceModule, call: ast.Call, said: str, advice: str, sure: Confidence) -> Finding:
    return RULES["HM307"].finding(
        module.place(call),
        f"{said}: in a coroutine every other request of an ASGI server waits meanwhile",
        seen=Seen.STATIC,
        confidence=sure,
        fix=Fix(FixKind.SUGGEST, f"use {advice}"),
    )
