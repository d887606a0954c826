"""What a project does with the event loops that it asks for, and which of them ``asyncio.run()`` can take the
place of.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.meant import function_meant
from hybrid.adapters.django.migrate.rules.knowing import guarded_by, values_of
from hybrid.adapters.django.migrate.rules.loops import GET, sets_loop
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_UNCLEAR: Final = "what becomes of the loop is not plain to see"
#: Functions of asyncio that make coroutines; those that make futures need a loop that runs.
_COROUTINES: Final = ("asyncio.sleep", "asyncio.wait_for")
#: Packages whose clients belong to the loop in which they are made.
_BOUND: Final = {
    *(
        "aiobotocore",
        "aiogram",
        "aiohttp",
        "aiomysql",
        "aiopg",
        "aioredis",
        "asyncio",
        "asyncpg",
        "databases",
    ),
    *("discord", "grpc", "httpx", "motor", "redis", "telegram", "telethon", "websockets"),
}


@dataclass(frozen=True)
class Run:
    """A loop that is asked for to run one coroutine.

    Attributes:
        call: ``loop.run_until_complete(…)``.
        assign: ``loop = asyncio.get_event_loop()``, where that is a statement of its own.
    """

    call: ast.Call
    assign: ast.Assign | None


def run_of(module: SourceModule, sources: Sources, asked: ast.Call) -> Run:
    """Return what a loop is asked for.

    Raises:
        LeftAlone: it is for more than ``asyncio.run()`` would do, or that is not sure.
    """
    above, assign = module.parent(asked), None
    match above:
        case ast.Attribute(attr="run_until_complete"):
            call = module.parent(above)
        case ast.Assign(targets=[ast.Name() as target]):
            call, assign = _only_use(module, asked, target), above
            if module.parent(above) not in [*module.ancestors(call or asked)]:
                raise LeftAlone(_UNCLEAR)
        case _:
            raise LeftAlone(_UNCLEAR)
    match call:
        case ast.Call(args=[coroutine], keywords=[]) if not isinstance(coroutine, ast.Starred):
            _check(module, sources, coroutine)
            return Run(call, assign)
        case _:
            raise LeftAlone(_UNCLEAR)


def other_loops(module: SourceModule, sources: Sources) -> Iterator[tuple[SourceModule, ast.Call]]:
    """Give the loops that the project asks for in synchronous code and goes on to ask for: ``asyncio.run()``
    leaves the main thread without one, where they have found one before.
    """
    for each in (module, *(other for other in sources.modules if other is not module)):
        if sources.is_test(each) or sources.is_script(each):
            continue
        for asked in each.calls_of(GET):
            function = each.function_of(asked)
            if isinstance(function, ast.AsyncFunctionDef) or guarded_by(
                each, asked, "get_running_loop", "RuntimeError"
            ):
                continue
            if isinstance(function, ast.FunctionDef) and sets_loop(each, function):
                continue
            try:
                run_of(each, sources, asked)
            except LeftAlone:
                yield each, asked


def _only_use(module: SourceModule, asked: ast.Call, target: ast.Name) -> ast.AST | None:
    """Return the one call of ``run_until_complete()`` that a loop is there for."""
    function = module.function_of(asked)
    if function is None:
        raise LeftAlone("the loop is kept by the module")
    inside = list(ast.walk(function))
    if any(target.id in each.names for each in inside if isinstance(each, (ast.Global, ast.Nonlocal))):
        raise LeftAlone("the loop is kept outside of the function")
    uses = [
        each for each in inside if isinstance(each, ast.Name) and each.id == target.id and each is not target
    ]
    match [module.parent(each) for each in uses]:
        case [ast.Attribute(attr="run_until_complete") as run] if module.function_of(uses[0]) is function:
            return module.parent(run)
        case _:
            raise LeftAlone(f"{target.id} is used for more than to run one coroutine")


def _check(module: SourceModule, sources: Sources, coroutine: ast.expr) -> None:
    """Leave alone what ``asyncio.run()`` would not take, or what has something of another loop in it."""
    match coroutine:
        case ast.Call(func=function, args=arguments, keywords=words):
            inside = [*arguments, *(each.value for each in words)]
        case _:
            raise LeftAlone("asyncio.run() takes a coroutine alone, and this may be something else")
    if module.dotted(function) in _COROUTINES:
        if module.dotted(function).endswith("wait_for") and arguments:
            _check(module, sources, inside.pop(0))
    else:
        _check_function(module, sources, function)
    for each in inside:
        if _may_be_bound(module, each):
            raise LeftAlone(f"{module.segment(each)} may belong to the loop")


def _check_function(module: SourceModule, sources: Sources, function: ast.expr) -> None:
    meant = function_meant(module, sources, function)
    shown = module.segment(function)
    if meant is None or not meant.is_coroutine_function:
        raise LeftAlone(f"asyncio.run() takes a coroutine alone, and {shown}(…) may be something else")
    if meant.bound and not _is_view(module, sources, function):
        raise LeftAlone(f"the object of {shown} may keep something of the loop")


def _is_view(module: SourceModule, sources: Sources, node: ast.AST) -> bool:
    """Tell whether a node is in a class of which every request has an object of its own."""
    owner = module.class_of(node)
    known = sources.definitions.class_(module.symbol(owner)) if owner else None
    return known is not None and any(
        each.startswith(("django.views.", "rest_framework.views.", "rest_framework.generics."))
        for each in sources.definitions.foreign_bases(known)
    )


def _may_be_bound(module: SourceModule, argument: ast.expr) -> bool:
    """Tell whether an argument may be of one loop: something of asyncio, a client, or of an object's own."""
    function = module.function_of(argument)
    for node in ast.walk(argument):
        if isinstance(node, ast.expr) and _is_of_loops(module, node):
            return True
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return name not in ("request", "kwargs", "args")
            case ast.Name(id=name) if function is not None:
                if any(
                    _is_of_loops(module, each)
                    for value in values_of(function, name)
                    for each in ast.walk(value)
                ):
                    return True
            case _:
                pass
    return False


def _is_of_loops(module: SourceModule, node: ast.AST) -> bool:
    return module.dotted(node).partition(".")[0] in _BOUND
