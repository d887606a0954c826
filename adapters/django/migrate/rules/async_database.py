"""Synchronous use of the database in asynchronous code."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.rules.knowing import functions_around, is_generator, is_request
from hybrid.adapters.django.migrate.rules.querysets import FUNCTIONS, RUNS, Queries
from hybrid.adapters.django.migrate.rules.registry import static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_ATOMIC: Final = "django.db.transaction.atomic"
_RENDER: Final = {"django.shortcuts.render", "django.template.loader.render_to_string"}
_TWINS: Final = {*RUNS, "save", "delete", "refresh_from_db"} - {"explain", "full_clean"}
#: Libraries whose consumers have a rule of their own, HM504.
_CONSUMERS: Final = ("channels.", "hybrid.")


class Kind(Enum):
    """What of a coroutine goes to the database."""

    QUERY = "a query, or an object of a model"
    TEMPLATE = "a template that is given a query"
    HELPER = "a function of the project"
    REQUEST = "a part of the request"


@dataclass(frozen=True)
class Use:
    """One place where a coroutine goes to the database synchronously."""

    kind: Kind
    node: ast.expr
    finding: Finding


@static("HM107")
def queries_in_coroutines(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find queries that ``async def`` runs, itself or through a function that it calls."""
    return (each.finding for each in uses_in_coroutines(module, sources))


def uses_in_coroutines(module: SourceModule, sources: Sources) -> Iterator[Use]:
    """Give the places that the findings are of."""
    for function in module.nodes(ast.AsyncFunctionDef):
        if not _is_of_consumer(module, function, sources):
            queries = Queries(module, sources.definitions, function)
            for node, sure in queries.run():
                said = f"{_shown(module, node)} goes to the database synchronously"
                yield Use(Kind.QUERY, node, _finding(module, node, said, sure, _advice(module, node)))
    yield from _of_templates(module, sources)
    yield from _through_helpers(module, sources)
    yield from _lazy_parts_of_requests(module)


def _of_templates(module: SourceModule, sources: Sources) -> Iterator[Use]:
    """Find templates that are given a query."""
    for call in module.nodes(ast.Call):
        function = module.function_of(call) if module.called(call) in _RENDER else None
        if isinstance(function, ast.AsyncFunctionDef):
            queries = Queries(module, sources.definitions, function)
            given = (*call.args, *(word.value for word in call.keywords))
            values = [value for each in given if isinstance(each, ast.Dict) for value in each.values]
            if any(map(queries.is_queryset, values)):
                fix = Fix(FixKind.SUGGEST, "await a list of it first: [each async for each in …]")
                said = "the template runs the query that it is given, synchronously"
                yield Use(Kind.TEMPLATE, call, _finding(module, call, said, Confidence.LIKELY, fix))


def _through_helpers(module: SourceModule, sources: Sources) -> Iterator[Use]:
    """Follow calls of synchronous functions of the project, one step."""
    for call in module.nodes(ast.Call):
        if not module.is_async(call):
            continue
        found = sources.definitions.function(module.called(call))
        if found is None or found.is_async or found.node.decorator_list or is_generator(found.node):
            continue
        runs = next(Queries(found.module, sources.definitions, found.node).run(), None)
        if runs is not None and runs[1] is Confidence.CERTAIN and not _in_consumer(module, call, sources):
            said = f"{found.symbol}() runs {_shown(found.module, runs[0])}, synchronously"
            fix = Fix(FixKind.SUGGEST, f"await sync_to_async({module.segment(call.func)})(…)")
            yield Use(Kind.HELPER, call, _finding(module, call, said, Confidence.LIKELY, fix))


def _lazy_parts_of_requests(module: SourceModule) -> Iterator[Use]:
    """Find ``request.user`` and ``request.session[…]``: a warning, because what middleware has looked at
    before is there already.
    """
    for node in module.nodes(ast.Attribute):
        if node.attr in ("user", "session") and isinstance(node.ctx, ast.Load) and module.is_async(node):
            if is_request(module, node.value) and (node.attr == "user" or _reads_session(module, node)):
                name = "auser()" if node.attr == "user" else "session.aget() and its like"
                finding = RULES["HM107"].finding(
                    module.place(node),
                    f"{module.segment(node)} goes to the database when it is first looked at, unless a "
                    "middleware has done so, and raises SynchronousOnlyOperation in a coroutine",
                    seen=Seen.STATIC,
                    confidence=Confidence.POSSIBLE,
                    level=Level.WARNING,
                    fix=Fix(FixKind.SUGGEST, f"await request.{name}"),
                )
                yield Use(Kind.REQUEST, node, finding)


def _reads_session(module: SourceModule, node: ast.Attribute) -> bool:
    """Tell whether code reads the session, and has not loaded it: ``auser()`` looks into it too."""
    return _is_read(module, node) and not any(
        isinstance(each, ast.Await) and each.lineno < node.lineno and _loads_session(each.value)
        for each in ast.walk(module.function_of(node) or node)
    )


def _loads_session(awaited: ast.expr) -> bool:
    match awaited:
        case ast.Call(func=ast.Name(id="auser") | ast.Attribute(attr="auser")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="session"), attr=name)):
            return name.startswith("a")
        case _:
            return False


def _is_read(module: SourceModule, node: ast.Attribute) -> bool:
    match module.parent(node):
        case ast.Subscript():
            return True
        case ast.Attribute(
            attr="get" | "pop" | "setdefault" | "keys" | "items" | "flush" | "save" | "cycle_key"
        ):
            return True
        case _:
            return False


@static("HM109")
def transactions_in_coroutines(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``transaction.atomic`` and ``select_for_update()`` in ``async def``."""
    for node in (*module.nodes(ast.Name), *module.nodes(ast.Attribute)):
        if module.dotted(node) == _ATOMIC and module.is_async(node) and _begins(module, node):
            said = "transaction.atomic() raises SynchronousOnlyOperation in a coroutine"
            yield _transaction(module, node, said, Confidence.CERTAIN)
    for function in module.nodes(ast.AsyncFunctionDef):
        for each in function.decorator_list:
            target = each.func if isinstance(each, ast.Call) else each
            if module.dotted(target) == _ATOMIC:
                said = (
                    "transaction.atomic around a coroutine function ends before the coroutine runs, or raises"
                )
                yield _transaction(module, function, said, Confidence.CERTAIN)
    for call in module.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "select_for_update":
            function_of = module.function_of(call)
            if isinstance(function_of, ast.AsyncFunctionDef):
                sure = Queries(module, sources.definitions, function_of).is_queryset(call)
                if sure is not None:
                    said = "select_for_update() needs a transaction, which a coroutine cannot have"
                    yield _transaction(module, call, said, sure)


def _begins(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether ``atomic`` is begun here: in ``with``, called or not."""
    above = module.parent(node)
    if isinstance(above, ast.Call) and above.func is node:
        above = module.parent(above)
    return isinstance(above, ast.withitem)


def _transaction(module: SourceModule, node: ast.AST, said: str, sure: Confidence) -> Finding:
    return RULES["HM109"].finding(module.place(node), said, seen=Seen.STATIC, confidence=sure)


def _finding(module: SourceModule, node: ast.AST, said: str, sure: Confidence, fix: Fix | None) -> Finding:
    return RULES["HM107"].finding(
        module.place(node),
        f"{said}: in a coroutine that raises SynchronousOnlyOperation",
        seen=Seen.STATIC,
        confidence=sure,
        fix=fix,
    )


def _advice(module: SourceModule, node: ast.expr) -> Fix | None:
    match node:
        case ast.Call() if (twin := FUNCTIONS.get(module.called(node))) is not None:
            return Fix(FixKind.SUGGEST, f"await {twin}(…)")
        case ast.Call(func=ast.Attribute(attr=name)) if name in _TWINS:
            return Fix(FixKind.SUGGEST, f"await …a{name}(…)")
        case ast.Call(func=ast.Name(id="list")):
            return Fix(FixKind.SUGGEST, "[each async for each in …]")
        case _:
            return None


def _shown(module: SourceModule, node: ast.expr) -> str:
    text = module.segment(node)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _in_consumer(module: SourceModule, node: ast.AST, sources: Sources) -> bool:
    around = (each for each in functions_around(module, node) if isinstance(each, ast.AsyncFunctionDef))
    return any(_is_of_consumer(module, each, sources) for each in around)


def _is_of_consumer(module: SourceModule, function: ast.AsyncFunctionDef, sources: Sources) -> bool:
    node = module.class_of(function)
    owner = None if node is None else sources.definitions.classes.get(module.symbol(node))
    if owner is None:
        return False
    return any(each.startswith(_CONSUMERS) for each in sources.definitions.foreign_bases(owner))
