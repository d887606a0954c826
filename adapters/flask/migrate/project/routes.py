"""Facts on the rules of a Flask application's URL map, and on the views that they lead to."""

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

from hybrid.adapters.django.migrate.project.facts import RouteFact, SocketRouteFact
from hybrid.adapters.django.migrate.project.origins import Origins, bases_of, where_of
from hybrid.adapters.django.migrate.project.unwrap import decorator_name, layers_of
from hybrid.adapters.flask.migrate.project.names import named_in_source

#: What Flask answers by itself, and lists nowhere either.
_AUTOMATIC: Final = {"HEAD", "OPTIONS"}
_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "dispatch_request")
_AS_VIEW: Final = "flask.views.View.as_view"


def route_facts(app: Any, origins: Origins) -> Iterator[RouteFact]:
    """Give a fact for each rule, in the order of the map; those of WebSockets aside."""
    for rule in app.url_map.iter_rules():
        if not getattr(rule, "websocket", False):
            view = app.view_functions.get(rule.endpoint)
            methods = tuple(sorted(set(rule.methods or ()) - _AUTOMATIC))
            yield RouteFact(_pattern(rule), str(rule.endpoint), methods=methods, **_view_facts(view, origins))


def socket_facts(app: Any) -> Iterator[SocketRouteFact]:
    """Give a fact for each rule of WebSockets, of this package's extension or of another one."""
    for rule in app.url_map.iter_rules():
        if getattr(rule, "websocket", False):
            view = app.view_functions.get(rule.endpoint)
            handler = getattr(view, "handler", None) or view
            inner = list(layers_of(handler))[-1]
            kind = "async" if inspect.iscoroutinefunction(handler) else "sync"
            yield SocketRouteFact(_pattern(rule), named_in_source(inner), where_of(inner), kind)


def _pattern(rule: Any) -> str:
    """Return a rule without the slash that it begins with, as routes of Django's are written."""
    return str(rule.rule).removeprefix("/")


def _view_facts(view: Any, origins: Origins) -> dict[str, Any]:
    layers = list(layers_of(view))
    inner = layers[-1]
    named = inspect.unwrap(inner.__func__) if isinstance(inner, MethodType) else inner
    cls = inner if isinstance(inner, type) else None
    handlers = {} if cls is None else _handlers(cls)
    is_async = any(handlers.values()) if handlers else inspect.iscoroutinefunction(named)
    return {
        "view": named_in_source(named),
        "where": where_of(named),
        "kind": "class" if cls else "function" if isinstance(named, FunctionType) else "other",
        "is_async": bool(handlers and is_async) or inspect.iscoroutinefunction(view),
        "inner_is_async": is_async,
        "decorators": tuple(each for each in map(decorator_name, layers[:-1]) if each != _AS_VIEW),
        "handlers": handlers,
        "bases": () if cls is None else bases_of(cls),
        "streaming": _streaming(named if cls is None else _functions_of(cls)),
        "lane": f"wsgi; {'async-view' if is_async else 'sync-view'}",
        "distribution": origins.distribution_of(named)[0],
    }


def _handlers(cls: type) -> dict[str, bool]:
    """Return the methods by which a class answers, and whether each is a coroutine function."""
    found = {name: getattr(cls, name, None) for name in _METHODS}
    own = {name: each for name, each in found.items() if each is not None}
    if len(own) > 1:
        own.pop("dispatch_request", None)  # it leads to the others
    return {name: inspect.iscoroutinefunction(each) for name, each in own.items()}


def _functions_of(cls: type) -> list[FunctionType]:
    return [
        each
        for base in cls.__mro__
        if not base.__module__.startswith("flask.")
        for each in vars(base).values()
        if isinstance(each, FunctionType)
    ]


def _streaming(functions: Any) -> str:
    """Say by what a view streams: ``stream_with_context``, or a generator function within it."""
    for function in functions if isinstance(functions, list) else [functions]:  # pyright: ignore[reportUnknownVariableType]
        code: object = getattr(function, "__code__", None)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(code, CodeType):
            if "stream_with_context" in code.co_names:
                return "stream_with_context"
            inner = [each for each in code.co_consts if isinstance(each, CodeType)]
            if any(each.co_flags & inspect.CO_GENERATOR and each.co_name[0] != "<" for each in inner):
                return "generator"
    return ""
