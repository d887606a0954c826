"""Views that Django, or Django REST framework, cannot run as they are."""

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Seen
from hybrid.adapters.django.migrate.project.facts import Facts, RouteFact
from hybrid.adapters.django.migrate.rules.knowing import text_of
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.rules.routed import once_a_view, place_of_view
from hybrid.adapters.django.migrate.rules.tables import tables_of
from hybrid.adapters.django.migrate.rules.wrapped_views import API_VIEW
from hybrid.adapters.django.migrate.source.definitions import ClassAt, Definitions, FunctionAt
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "trace")
#: The handlers that Django's generic views have already, all of them synchronous.
_HANDLERS: Final = {
    **dict.fromkeys(("TemplateView", "ListView", "DetailView"), ("get",)),
    **dict.fromkeys(("ArchiveIndexView", "YearArchiveView", "MonthArchiveView", "WeekArchiveView"), ("get",)),
    **dict.fromkeys(("DayArchiveView", "TodayArchiveView", "DateDetailView"), ("get",)),
    **dict.fromkeys(("FormView", "CreateView", "UpdateView"), ("get", "post", "put")),
    "DeleteView": ("get", "post", "delete"),
    "RedirectView": ("get", "head", "post", "put", "delete", "patch"),
}
#: Django's decorators that touch the response: given ``dispatch`` of an asynchronous class, a coroutine.
_TOUCHES: Final = {
    *("cache_control", "cache_page", "condition", "csrf_protect", "ensure_csrf_cookie", "etag", "gzip_page"),
    *("last_modified", "never_cache", "requires_csrf_token", "vary_on_cookie", "vary_on_headers"),
    *("xframe_options_deny", "xframe_options_exempt", "xframe_options_sameorigin"),
}
_ACTIONS: Final = {*_METHODS, "list", "retrieve", "create", "update", "partial_update", "destroy"}
_DRF: Final = "rest_framework."
_ACTION: Final = "rest_framework.decorators.action"


@imported("HM106")
def asynchronous_and_atomic(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find asynchronous views for which ATOMIC_REQUESTS is on."""
    for route, aliases in atomic_routes(facts):
        yield RULES["HM106"].finding(
            place_of_view(sources, route),
            f"{route.view} is asynchronous, and ATOMIC_REQUESTS is on for {', '.join(aliases)}: both lanes "
            "answer 500",
            seen=Seen.IMPORT,
            cause="HM106 ATOMIC_REQUESTS",
        )


def atomic_routes(facts: Facts) -> Iterator[tuple[RouteFact, list[str]]]:
    """Give one route to each asynchronous view for which ATOMIC_REQUESTS is on, with those databases."""
    atomic = {alias for alias, each in tables_of(facts, "DATABASES") if each.get("ATOMIC_REQUESTS")}
    routes = (each for each in facts.routes if each.is_async and atomic.difference(each.non_atomic))
    for route in once_a_view(routes):
        yield route, sorted(atomic.difference(route.non_atomic))


@imported("HM108")
def refused_classes(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find classes that Django has refused."""
    for route in once_a_view(each for each in facts.routes if each.error):
        yield RULES["HM108"].finding(
            place_of_view(sources, route), f"Django refuses {route.view}: {route.error}", seen=Seen.IMPORT
        )


@static("HM108")
def mixed_classes(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find classes with handlers of both kinds, and decorators that are given a coroutine."""
    for owner in sources.definitions.classes_of(module):
        foreign = sources.definitions.foreign_bases(owner)
        if not any(each.startswith("django.views.") for each in foreign):
            continue
        handlers = _handlers(sources.definitions, owner, foreign)
        kinds = set(handlers.values())
        if len(kinds) == 2:
            sync = ", ".join(name for name, is_async in handlers.items() if not is_async)
            others = ", ".join(name for name, is_async in handlers.items() if is_async)
            yield RULES["HM108"].finding(
                module.place(owner.node),
                f"{owner.symbol} has {others} asynchronous and {sync} synchronous: as_view() raises "
                "ImproperlyConfigured",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
            )
        elif kinds == {True} and (name := _touching(module, owner, sources.definitions)):
            yield RULES["HM108"].finding(
                module.place(owner.node),
                f"{name} around dispatch() of {owner.symbol} is given a coroutine instead of a response, "
                "because dispatch() is no coroutine function: put it around the handlers",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
            )


@imported("HM110")
def asynchronous_routes_of_rest_framework(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find views of Django REST framework with coroutine functions for handlers."""
    routes = (
        each
        for each in facts.routes
        if _asynchronous(each) and _is_of_drf(each.bases) and not _awaits(each.bases)
    )
    for route in once_a_view(routes):
        said = _not_awaited(route.view, _asynchronous(route))
        yield RULES["HM110"].finding(place_of_view(sources, route), said, seen=Seen.IMPORT)


@static("HM110")
def asynchronous_views_of_rest_framework(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find classes of Django REST framework with ``async def`` handlers, and ``@api_view`` on such."""
    for owner in sources.definitions.classes_of(module):
        foreign = sources.definitions.foreign_bases(owner)
        if not any(
            each.startswith(_DRF) and each.endswith(("View", "ViewSet")) for each in foreign
        ) or _awaits(foreign):
            continue
        if sources.definitions.method(owner, "dispatch") is not None:
            continue
        names = [each.node.name for each in owner.methods.values() if each.is_async and _is_action(each)]
        if names:
            said = _not_awaited(owner.symbol, names)
            yield RULES["HM110"].finding(
                module.place(owner.node), said, seen=Seen.STATIC, confidence=Confidence.LIKELY
            )
    for function in module.nodes(ast.AsyncFunctionDef):
        if _is_given(API_VIEW, module.decorators(function)):
            yield RULES["HM110"].finding(
                module.place(function),
                _not_awaited(module.symbol(function), [function.name]),
                seen=Seen.STATIC,
            )


def _not_awaited(view: str, names: list[str]) -> str:
    return f"{view} has {', '.join(names)} asynchronous: REST framework takes the coroutine for the response"


def _asynchronous(route: RouteFact) -> list[str]:
    return [name for name, is_async in route.handlers.items() if is_async and name != "options"]


def _is_of_drf(bases: Iterable[str]) -> bool:
    return any(each.startswith("rest_framework.views.") for each in bases)


def _awaits(bases: Iterable[str]) -> bool:
    """Tell whether something else is there that makes REST framework await."""
    return any(each.startswith(("adrf.", "aiodrf.")) for each in bases)


def _is_action(method: FunctionAt) -> bool:
    decorators = method.module.decorators(method.node)
    return _is_given(_ACTION, decorators) or (method.node.name in _ACTIONS and not decorators)


def _is_given(decorator: str, decorators: list[str]) -> bool:
    """Tell whether one of some decorators is given the function itself: with nothing inside it but what REST
    framework has, which only sets attributes.
    """
    if decorator not in decorators:
        return False
    return all(each.startswith(_DRF) for each in decorators[decorators.index(decorator) :])


def _handlers(definitions: Definitions, owner: ClassAt, foreign: set[str]) -> dict[str, bool]:
    """Return the handlers of a class, inherited ones too, and whether each is asynchronous."""
    found = {
        name: False
        for base in foreign
        if base.startswith("django.views.")
        for name in _HANDLERS.get(base.rpartition(".")[2], ())
    }
    for name in _METHODS:
        method = definitions.method(owner, name)
        if method is not None and not method.node.decorator_list:
            found[name] = method.is_async
        elif method is not None:
            found.pop(name, None)
    allowed = _allowed(definitions, owner)
    return {name: is_async for name, is_async in found.items() if name in allowed}


def _allowed(definitions: Definitions, owner: ClassAt) -> tuple[str, ...]:
    """Return the methods that a class answers: Django looks at no others. Where ``http_method_names`` is not
    written out, none.
    """
    for each in definitions.line(owner):
        for node in each.node.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id="http_method_names")], value=value)
                    | ast.AnnAssign(target=ast.Name(id="http_method_names"), value=ast.expr() as value)
                ):
                    return tuple(map(text_of, _each_of(value)))
                case _:
                    pass
    return _METHODS


def _touching(module: SourceModule, owner: ClassAt, definitions: Definitions) -> str:
    """Return the name of a decorator around ``dispatch`` that touches the response, or ``""``."""
    dispatch = definitions.method(owner, "dispatch")
    if dispatch is not None and dispatch.is_async:
        return ""
    decorators = owner.node.decorator_list
    for each in decorators:
        if isinstance(each, ast.Call) and module.called(each) == "django.utils.decorators.method_decorator":
            names = [word.value for word in each.keywords if word.arg == "name"]
            if (
                any(isinstance(name, ast.Constant) and name.value == "dispatch" for name in names)
                and each.args
            ):
                for given in _each_of(each.args[0]):
                    dotted = module.dotted(given.func if isinstance(given, ast.Call) else given)
                    if (
                        dotted.startswith("django.views.decorators.")
                        and dotted.rpartition(".")[2] in _TOUCHES
                    ):
                        return dotted.rpartition(".")[2]
    return ""


def _each_of(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
