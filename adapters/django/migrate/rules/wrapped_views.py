"""Decorators around asynchronous views that know nothing of coroutines."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Seen
from hybrid.adapters.django.migrate.project.facts import Facts, RouteFact
from hybrid.adapters.django.migrate.rules.knowing import takes_request
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.rules.routed import once_a_view, place_of_view
from hybrid.adapters.django.migrate.source.definitions import FunctionAt
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: What a decorator's source has where it is ready for coroutines, or runs them itself.
_READY: Final = {
    *(
        "async_to_sync",
        "asyncio",
        "iscoroutine",
        "iscoroutinefunction",
        "is_coroutine_function",
        "isawaitable",
    ),
    *("markcoroutinefunction", "run_until_complete", "iscoroutinefunction_or_partial"),
}
#: By which a coroutine function is made an ordinary one on purpose.
_RUNNERS: Final = ("async_to_sync", "AsyncToSync")
#: Of REST framework, around a function.
API_VIEW: Final = "rest_framework.decorators.api_view"


@imported("HM105")
def views_taken_for_synchronous(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find routes that Django takes for synchronous, whose view is a coroutine function."""
    routes = (
        each
        for each in facts.routes
        if each.inner_is_async and not each.is_async and each.decorators and not _is_run(each, sources)
    )
    for route in once_a_view(routes):
        around = ", ".join(map(_shown, route.decorators))
        yield RULES["HM105"].finding(
            place_of_view(sources, route),
            f"{route.view} is a coroutine function behind {around}, for which Django takes it for a "
            "synchronous view that returns a coroutine: both lanes answer 500",
            seen=Seen.IMPORT,
            cause=f"HM105 {around}",
        )


def _shown(decorator: str) -> str:
    """Return the name of a decorator; of an object that is one, that of its class."""
    return decorator.removesuffix(".__call__").rpartition(".")[2]


def _is_run(route: RouteFact, sources: Sources) -> bool:
    """Tell whether something around a view runs the coroutine, or has a rule of its own, HM110."""
    return any(each == API_VIEW or _runs_coroutines(each, sources) for each in route.decorators)


def _runs_coroutines(decorator: str, sources: Sources) -> bool:
    """Tell whether a decorator runs the coroutine that it is answered, or may do."""
    if decorator.rpartition(".")[2] in _RUNNERS:
        return True
    found = sources.definitions.function(decorator)
    return found is not None and _mentions(found.node, _READY)


@static("HM105")
def decorated_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``async def`` views behind decorators of the project that await nothing."""
    for function in module.nodes(ast.AsyncFunctionDef):
        decorators = module.decorators(function)
        if not _is_view(module, function) or any(_runs_coroutines(each, sources) for each in decorators):
            continue
        for dotted in decorators:
            found = sources.definitions.function(dotted)
            if found is not None and makes_plain_wrapper(found):
                yield RULES["HM105"].finding(
                    module.place(function),
                    f"{found.symbol} makes a synchronous function of the coroutine function {function.name}: "
                    "Django takes what it returns, a coroutine, for the response",
                    seen=Seen.STATIC,
                    confidence=Confidence.LIKELY,
                    cause=f"HM105 {found.symbol.rpartition('.')[2]}",
                )


def makes_plain_wrapper(decorator: FunctionAt) -> bool:
    """Tell whether a decorator returns a synchronous function of its own around what it is given, and has
    nothing in it that is about coroutines.
    """
    node = decorator.node
    if decorator.is_async or _mentions(node, _READY):
        return False
    if any(isinstance(each, (ast.AsyncFunctionDef, ast.Await)) for each in ast.walk(node)):
        return False
    given = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    return any(
        isinstance(inner, ast.FunctionDef)
        and inner is not node
        and _calls_given(inner, given)
        and _is_returned(node, inner)
        for inner in ast.walk(node)
    )


def _calls_given(inner: ast.FunctionDef, given: set[str]) -> bool:
    """Tell whether a function calls, with ``*args`` or a request, what it does not take itself."""
    own = {each.arg for each in ast.walk(inner.args) if isinstance(each, ast.arg)}
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Name)
        and each.func.id in given - own
        and each.args
        for each in ast.walk(inner)
    )


def _is_returned(node: Function, inner: ast.FunctionDef) -> bool:
    return any(
        isinstance(each, ast.Return) and isinstance(each.value, ast.Name) and each.value.id == inner.name
        for each in ast.walk(node)
    )


def _is_view(module: SourceModule, function: ast.AsyncFunctionDef) -> bool:
    """Tell whether a function's first argument is a request."""
    return isinstance(module.parent(function), ast.Module) and takes_request(module, function)


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(
        (isinstance(each, ast.Name) and each.id in names)
        or (isinstance(each, ast.Attribute) and each.attr in names)
        for each in ast.walk(node)
    )
