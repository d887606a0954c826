"""Changes between synchronous and asynchronous code that cost more than they look."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.crossing_names import TO_ASYNC, TO_SYNC
from hybrid.adapters.django.migrate.rules.knowing import last_name
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Methods of channel layers, of which another rule says what is to be said.
_LAYER: Final = {"group_add", "group_discard", "group_send"}
#: Decorators of what another process runs.
_TASKS: Final = {"actor", "db_periodic_task", "db_task", "job", "periodic_task", "shared_task", "task"}
_DELAYS: Final = {"asyncio.sleep", "anyio.sleep"}


@static("HM308")
def coroutines_from_threads(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``async_to_sync(f)(…)`` in functions that a server may run."""
    if sources.is_script(module):
        return
    for made in module.calls_of(TO_SYNC):
        function = module.function_of(made)
        call = module.parent(made)
        if isinstance(call, ast.Call) and call.func is made and made.args and not module.is_async(call):
            given = made.args[0]
            if function is None or _is_of_layer(given) or _is_task(module, made):
                continue
            name = module.segment(given)
            yield RULES["HM308"].finding(
                module.place(call),
                f"async_to_sync({name}) runs {name} on a loop of its own on WSGI, and on the server's loop "
                "on ASGI, where it holds up everybody whenever it blocks",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
                fix=Fix(FixKind.SUGGEST, "make the view asynchronous, or keep it on the wsgi lane"),
            )


def _is_of_layer(given: ast.expr) -> bool:
    if last_name(given) in _LAYER:
        return True
    return (
        isinstance(given, ast.Attribute)
        and given.attr == "send"
        and "layer" in last_name(given.value).lower()
    )


def _is_task(module: SourceModule, node: ast.AST) -> bool:
    for above in module.ancestors(node):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            targets = (each.func if isinstance(each, ast.Call) else each for each in above.decorator_list)
            if any(last_name(each) in _TASKS for each in targets):
                return True
    return False


@static("HM310")
def threads_in_loops(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``await sync_to_async(f)(…)`` once for each turn of a loop."""
    for node in module.nodes(ast.Await):
        name = _crossing(module, sources, node.value)
        loop = _loop_around(module, node) if name else None
        if loop is not None and not _waits(module, loop):
            yield RULES["HM310"].finding(
                module.place(node),
                f"{name} is awaited for each turn of the loop in line {getattr(loop, 'lineno', 0)}, each "
                "time with two changes of thread, on both lanes",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
            )


def _crossing(module: SourceModule, sources: Sources, value: ast.expr) -> str:
    """Return what is called that goes to a thread: made on the spot, or a function that is made so."""
    if not isinstance(value, ast.Call):
        return ""
    if isinstance(value.func, ast.Call) and module.called(value.func) in TO_ASYNC:
        return module.segment(value.func)
    found = sources.definitions.function(module.called(value))
    if found is not None and not found.is_async and _is_made_so(found.module, found.node):
        return f"{found.symbol}, behind sync_to_async,"
    return ""


def _is_made_so(module: SourceModule, function: Function) -> bool:
    targets = (each.func if isinstance(each, ast.Call) else each for each in function.decorator_list)
    return any(module.dotted(each) in TO_ASYNC for each in targets)


def _loop_around(module: SourceModule, node: ast.AST) -> ast.AST | None:
    """Return the loop whose turns run a node: not what it goes through, nor what a ``while`` asks."""
    inside = node
    for above in module.ancestors(node):
        match above:
            case ast.For(body=body) | ast.While(body=body) if inside in body:
                return above
            case ast.ListComp() | ast.SetComp() | ast.DictComp():
                first = above.generators[0]
                return above if inside is not first or not _is_below(first.iter, node) else None
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.ClassDef():
                return None
            case _:
                pass
        inside = above
    return None


def _is_below(above: ast.AST, node: ast.AST) -> bool:
    return any(each is node for each in ast.walk(above))


def _waits(module: SourceModule, loop: ast.AST) -> bool:
    """Tell whether a loop is meant to take its time, or asks until there is something."""
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant):
        return True
    return any(isinstance(each, ast.Call) and module.called(each) in _DELAYS for each in ast.walk(loop))
