"""Event loops where none is, or where one runs already; functions of asgiref that are made and not called."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.rules.crossing_names import TO_ASYNC, TO_SYNC
from hybrid.adapters.django.migrate.rules.knowing import functions_around, guarded_by, takes_request
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: What asks for a loop, and makes none.
GET: Final = {"asyncio.get_event_loop", "asyncio.events.get_event_loop"}
_RUN: Final = {"asyncio.run", "asyncio.runners.run"}
_WRAPPERS: Final = {*TO_SYNC, *TO_ASYNC}
_USE_RUN: Final = Fix(FixKind.AUTO, "asyncio.run(…), which makes a loop of its own")


@static("HM113")
def loops_that_fail(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find loops that are asked for on a thread without one, and loops that are run inside a running one."""
    for call in module.nodes(ast.Call):
        called = module.called(call)
        function = module.function_of(call)
        if isinstance(function, ast.AsyncFunctionDef):
            yield from _in_coroutine(module, sources, call, called)
        elif called in GET and isinstance(function, ast.FunctionDef):
            yield from _in_function(module, sources, call, function)


def _in_function(
    module: SourceModule, sources: Sources, call: ast.Call, function: ast.FunctionDef
) -> Iterator[Finding]:
    """Judge ``get_event_loop()`` in a synchronous function: whoever runs the loop is where there is none.
    That is sure in a view alone: what else runs a loop are most often scripts and the tasks of a queue's
    workers, in the main thread, where Python before 3.14 makes one.
    """
    if guarded_by(module, call, "get_running_loop", "RuntimeError") or sets_loop(module, function):
        return
    in_view = any(takes_request(module, each) for each in functions_around(module, call))
    runs = in_view and _runs_loop(module, call, function) and not sources.is_script(module)
    said = "raises RuntimeError on a thread without an event loop, which is where synchronous views run"
    yield RULES["HM113"].finding(
        module.place(call),
        f"asyncio.get_event_loop() {said}",
        seen=Seen.STATIC,
        confidence=Confidence.LIKELY if runs else Confidence.POSSIBLE,
        level=Level.ERROR if runs else Level.WARNING,
        fix=_USE_RUN if runs else None,
    )


def _in_coroutine(module: SourceModule, sources: Sources, call: ast.Call, called: str) -> Iterator[Finding]:
    said = ""
    sure = Confidence.CERTAIN
    if called in _RUN:
        said = "asyncio.run() raises RuntimeError where a loop runs, as in this coroutine"
    elif isinstance(call.func, ast.Call) and module.called(call.func) in TO_SYNC:
        said = "async_to_sync(…)() raises RuntimeError on the thread of a running loop, as in this coroutine"
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "run_until_complete":
        said = "run_until_complete() raises RuntimeError where a loop runs, as in this coroutine"
        sure = Confidence.LIKELY
    elif helper := _helper_that_runs(sources, called):
        said = f"{called}() calls {helper}, which raises RuntimeError where a loop runs, as in this coroutine"
        sure = Confidence.LIKELY
    if said:
        fix = Fix(FixKind.SUGGEST, "await the coroutine")
        yield RULES["HM113"].finding(module.place(call), said, seen=Seen.STATIC, confidence=sure, fix=fix)


def _helper_that_runs(sources: Sources, called: str) -> str:
    """Return what a synchronous function of the project calls in its own body that runs a loop."""
    found = sources.definitions.function(called)
    if found is None or found.is_async or found.node.decorator_list:
        return ""
    for call in found.module.nodes(ast.Call):
        if found.module.function_of(call) is found.node:
            if found.module.called(call) in _RUN and not guarded_by(
                found.module, call, "get_running_loop", "RuntimeError"
            ):
                return "asyncio.run()"
            if isinstance(call.func, ast.Call) and found.module.called(call.func) in TO_SYNC:
                return "async_to_sync(…)()"
    return ""


def _runs_loop(module: SourceModule, call: ast.Call, function: ast.FunctionDef) -> bool:
    """Tell whether the loop that was asked for is run: at once, or by the name that it gets."""
    above = module.parent(call)
    if isinstance(above, ast.Attribute):
        return above.attr == "run_until_complete"
    names = {target.id for target in getattr(above, "targets", []) if isinstance(target, ast.Name)}
    return any(
        isinstance(each, ast.Attribute)
        and each.attr == "run_until_complete"
        and isinstance(each.value, ast.Name)
        and each.value.id in names
        for each in ast.walk(function)
    )


def sets_loop(module: SourceModule, function: ast.FunctionDef) -> bool:
    """Tell whether a function makes a loop, or sets one, itself."""
    return any(
        isinstance(each, ast.Call)
        and module.called(each) in ("asyncio.set_event_loop", "asyncio.new_event_loop")
        for each in ast.walk(function)
    )


@static("HM116")
def made_and_not_called(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``async_to_sync(f)`` that stands alone, and ``await sync_to_async(f)``."""
    for call in wrappers_not_called(module):
        name = module.called(call).rpartition(".")[2]
        said = f"{name}(…) makes a function, and nothing calls it"
        if isinstance(module.parent(call), ast.Await):
            said = f"await {name}(…) awaits the function that it makes, instead of calling it"
        yield _not_called(module, call, said)


def wrappers_not_called(module: SourceModule) -> Iterator[ast.Call]:
    """Give the calls that make a function of another kind, which is not called then."""
    for call in module.nodes(ast.Call):
        if module.called(call) in _WRAPPERS and call.args:
            if isinstance(module.parent(call), (ast.Expr, ast.Await)):
                yield call


def _not_called(module: SourceModule, call: ast.Call, said: str) -> Finding:
    given = call.args[0]
    if isinstance(given, ast.Call):
        first = module.segment(given.func)
        fix = Fix(
            FixKind.SUGGEST, f"{module.segment(call.func)}({first})(…), with the arguments in the second pair"
        )
    else:
        fix = Fix(FixKind.AUTO, f"{module.segment(call)}()")
    return RULES["HM116"].finding(module.place(call), said, seen=Seen.STATIC, fix=fix)
