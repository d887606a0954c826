"""Facts on a view: what it is underneath its decorators."""

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, Final, cast

from hybrid.adapters.django.lanes.parts import StreamingHttpResponse, is_coroutine_function
from hybrid.adapters.django.lanes.views import verdict_of
from hybrid.adapters.django.migrate.project.origins import Origins, bases_of, dotted, where_of
from hybrid.adapters.django.migrate.project.unwrap import (
    decorator_name,
    function_of_class,
    is_entry_of_class,
    layers_of,
)

_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_REQUIRES: Final = "django.views.decorators.http.require_http_methods"


def view_facts(callback: Any, origins: Origins) -> dict[str, Any]:
    """Return the attributes of a :class:`RouteFact` that are about the view."""
    layers = list(layers_of(callback))
    inner = layers[-1]
    verdict = verdict_of(callback)
    around = [each for each in layers[:-1] if not is_entry_of_class(each)]
    facts = {
        "view": dotted(_named(inner)),
        "where": where_of(_named(inner)),
        "kind": _kind(inner),
        "is_async": bool(is_coroutine_function(callback)),
        "inner_is_async": bool(is_coroutine_function(inner)),
        "decorators": tuple(map(decorator_name, around)),
        "methods": _required(layers),
        "csrf_exempt": getattr(callback, "csrf_exempt", False) is True,
        "non_atomic": tuple(sorted(map(str, getattr(callback, "_non_atomic_requests", ())))),
        "streaming": _streaming(_functions(inner, callback)),
        "lane": f"{verdict.lane}; {verdict.reason}",
        "distribution": origins.distribution_of(_named(inner))[0],
    }
    cls = next((each for each in layers if isinstance(each, type)), None)
    return facts if cls is None else {**facts, **_class_facts(cls, callback, facts)}


def _named(inner: Any) -> Any:
    return inspect.unwrap(inner.__func__) if isinstance(inner, MethodType) else inner


def _kind(inner: Any) -> str:
    if isinstance(inner, type):
        return "class"
    return "function" if isinstance(inner, (FunctionType, MethodType)) else "other"


def _class_facts(cls: type, callback: Any, facts: dict[str, Any]) -> dict[str, Any]:
    handlers, error = _handlers(cls, callback), ""
    if facts["kind"] == "function":  # which @api_view has made the class of
        handlers = dict.fromkeys(handlers, bool(is_coroutine_function(function_of_class(cls))))
    try:
        is_async = getattr(cls, "view_is_async", False) is True
    except Exception as refused:  # noqa: BLE001 - ImproperlyConfigured, for handlers of both kinds
        is_async, error = any(handlers.values()), str(refused)
    allowed = [name for name in handlers if name in getattr(cls, "http_method_names", _METHODS)]
    methods = tuple(name.upper() for name in [*allowed, "options"] if allowed)
    return {
        "bases": bases_of(cls),
        "handlers": handlers,
        "inner_is_async": is_async or facts["inner_is_async"],
        "error": error,
        "methods": _required(list(layers_of(callback))) or tuple(dict.fromkeys(methods)),
    }


def _handlers(cls: type, callback: Any) -> dict[str, bool]:
    """Return the methods of a class; of a view set those that its route leads to."""
    actions: Any = getattr(callback, "actions", None)
    own: Any = {name: name for name in _METHODS if name != "options"}
    names = cast("dict[Any, Any]", actions if isinstance(actions, dict) else own)
    found = {str(method): getattr(cls, str(name), None) for method, name in names.items()}
    return {name: bool(is_coroutine_function(each)) for name, each in found.items() if each is not None}


def _required(layers: list[Any]) -> tuple[str, ...]:
    """Return what ``require_http_methods`` allows."""
    for layer in layers:
        if isinstance(layer, FunctionType) and decorator_name(layer) == _REQUIRES:
            closure = zip(layer.__code__.co_freevars, layer.__closure__ or (), strict=True)
            return tuple(
                str(method) for name, cell in closure if "method" in name for method in cell.cell_contents
            )
    return ()


def _functions(inner: Any, callback: Any) -> Iterator[FunctionType]:
    """Give the functions of a view: itself, or the methods of its class that Django has not written."""
    if isinstance(inner, type):
        for cls in inner.__mro__:
            if not cls.__module__.startswith(("django.", "rest_framework.")):
                yield from (each for each in vars(cls).values() if isinstance(each, FunctionType))
    else:
        function = _named(inner)
        if isinstance(function, FunctionType):
            yield function


def _streaming(functions: Iterator[FunctionType]) -> str:
    """Return the class of a streaming response that functions name, or those that they call beside them."""
    for function in functions:
        for named in _globals_of(function):
            beside = isinstance(named, FunctionType) and named.__module__ == function.__module__
            for found in (named, *(_globals_of(named) if beside else ())):
                if isinstance(found, type) and issubclass(found, StreamingHttpResponse):
                    return found.__name__
    return ""


def _globals_of(function: FunctionType) -> Iterator[Any]:
    for name in _names_of(function.__code__):
        if name in function.__globals__:
            yield function.__globals__[name]


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)
