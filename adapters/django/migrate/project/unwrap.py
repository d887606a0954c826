"""What is inside of what: views within decorators, applications within other applications."""

import functools
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

#: What decorators call the view that they are given. Without ``functools.wraps`` nothing else tells.
_WRAPPED_NAMES: Final = {
    *("view", "view_func", "view_function", "viewfunc", "viewfn", "view_fn", "func", "function", "fn", "f"),
    *("wrapped", "wrapped_view", "wrapped_func", "inner", "original", "method"),
}
_MOST: Final = 40


def layers_of(view: Any) -> Iterator[Any]:
    """Give a view, what that is around, and so on; the last one is what the project has written.

    That is a function, a method, the class of a class-based view, or an object that is called.
    """
    seen: set[int] = set()
    while id(view) not in seen and len(seen) < _MOST:
        seen.add(id(view))
        yield view
        inner = _inside(view)
        if inner is None:
            return
        view = inner


def _inside(view: Any) -> Any:
    if isinstance(view, type):
        return function_of_class(view)
    if isinstance(view, functools.partial):
        return view.func
    if is_entry_of_class(view):
        return class_of(view)
    if isinstance(view, MethodType):
        return None
    wrapped = getattr(view, "__wrapped__", None)
    if callable(wrapped):
        return wrapped
    return class_of(view) or _in_closure(view)


def class_of(view: Any) -> Any:
    """Return the class of a class-based view, Django's or REST framework's; None of a function."""
    found = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return found if isinstance(found, type) else None


def is_entry_of_class(view: Any) -> bool:
    """Tell whether a function is what ``as_view()`` has made.

    It may have ``__wrapped__``, which is that of the decorators of ``dispatch``.
    """
    code = getattr(view, "__code__", None)
    made = isinstance(code, CodeType) and code.co_name == "view" and "cls" in code.co_freevars
    return made and class_of(view) is not None


def _in_closure(view: Any) -> Any:
    if not isinstance(view, FunctionType) or "<locals>" not in view.__code__.co_qualname:
        return None
    for name, cell in zip(view.__code__.co_freevars, view.__closure__ or (), strict=True):
        if name in _WRAPPED_NAMES:
            try:
                found = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            if _is_view(found):
                return found
    return None


def _is_view(found: Any) -> bool:
    return isinstance(found, (FunctionType, MethodType, functools.partial)) or class_of(found) is not None


def function_of_class(cls: type) -> Any:
    """Return the function that REST framework's ``@api_view`` has made a class of; None of other classes."""
    if cls.__qualname__ != "WrappedAPIView":
        return None
    for handler in vars(cls).values():
        if isinstance(handler, FunctionType) and "func" in handler.__code__.co_freevars:
            found = _in_closure(handler)
            if found is not None:
                return found
    return None


def decorator_name(layer: Any) -> str:
    """Return the dotted name of the decorator that has made a layer."""
    if isinstance(layer, functools.partial):
        return "functools.partial"
    if isinstance(layer, type):
        return "rest_framework.decorators.api_view"
    code = getattr(layer, "__code__", None)
    if not isinstance(code, CodeType):
        return f"{type(layer).__module__}.{type(layer).__qualname__}"
    module = getattr(layer, "__globals__", {}).get("__name__", "")
    name, _, _ = code.co_qualname.partition(".<locals>")
    return f"{module}.{name}" if module else name


#: Where middleware keeps the application that it is around, the most usual first.
_APPLICATIONS: Final = ("application", "app", "wsgi_app", "asgi_app", "inner", "wrapped", "__wrapped__")
_APPLICATIONS_PRIVATE: Final = tuple(f"_{each}" for each in _APPLICATIONS if not each.startswith("_"))


def applications_of(application: Any) -> Iterator[Any]:
    """Give an application, the one that it is around, and so on."""
    seen: set[int] = set()
    while application is not None and id(application) not in seen and len(seen) < _MOST:
        seen.add(id(application))
        yield application
        application = _application_inside(application)


def _application_inside(application: Any) -> Any:
    if isinstance(application, functools.partial):
        return application.func
    if isinstance(application, MethodType):
        return application.__self__
    for name in (*_APPLICATIONS, *_APPLICATIONS_PRIVATE):
        found = _attribute(application, name)
        if callable(found) and not isinstance(found, type):
            return found
    if isinstance(application, FunctionType):
        return _application_in_closure(application)
    return None


def _attribute(application: Any, name: str) -> Any:
    try:
        return getattr(application, name, None)
    except Exception:  # noqa: BLE001 - of somebody else's property
        return None


def _application_in_closure(function: Callable[..., Any]) -> Any:
    names = {*_APPLICATIONS, *_APPLICATIONS_PRIVATE}
    assert isinstance(function, FunctionType)
    code: CodeType = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        if name in names:
            try:
                found = cell.cell_contents
            except ValueError:
                continue
            if callable(found):
                return found
    return None
