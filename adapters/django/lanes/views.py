"""What there is to know of a project's views without calling them: where each runs, and whether the path
alone tells which one it is.
"""

import dis
import inspect
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from hybrid.adapters.django.lanes.decorator import LANE_ATTRIBUTE
from hybrid.adapters.django.lanes.parts import LocalePrefixPattern, is_coroutine_function, is_lazy


class Verdict(NamedTuple):
    """Where a view runs, and why."""

    lane: str
    reason: str


class View(NamedTuple):
    """A view of a URLconf.

    Attributes:
        name: as in :func:`django.urls.reverse`, with its namespaces; ``""`` without one.
        dotted_path: its module and name.
        callback: what is called.
        path: how its path begins, as far as that is the same for all requests.
        is_whole: whether that is all of it.
    """

    name: str
    dotted_path: str
    callback: Any
    path: str = "/"
    is_whole: bool = False


def verdict_of(callback: Any) -> Verdict:
    """Return where a view runs where no configuration says so: what the decorator says, or else its kind."""
    view_class = getattr(callback, "view_class", None)
    said: str | None = getattr(callback, LANE_ATTRIBUTE, None) or getattr(view_class, LANE_ATTRIBUTE, None)
    if said is not None:
        return Verdict(said, "decorator")
    if is_coroutine_function(callback) or getattr(view_class, "view_is_async", False) is True:
        return Verdict("asgi", "async-view")
    return Verdict("wsgi", "sync-view")


def views_of(
    resolver: Any, namespaces: tuple[str, ...] = (), path: str = "/", *, is_whole: bool = True
) -> Iterator[View]:
    """Give the views below a resolver, which imports the URLconfs.

    Args:
        resolver: the resolver.
        namespaces: those that it is in.
        path: how the paths begin that lead to it.
        is_whole: whether that is all of them, before what its own patterns say.
    """
    for entry in resolver.url_patterns:
        begins, whole = _followed(path, entry.pattern) if is_whole else (path, False)
        if hasattr(entry, "url_patterns"):
            below = (*namespaces, entry.namespace) if entry.namespace else namespaces
            yield from views_of(entry, below, begins, is_whole=whole)
        else:
            name = ":".join((*namespaces, entry.name)) if entry.name else ""
            yield View(name, dotted_path_of(entry.callback), entry.callback, begins, whole)


def _followed(path: str, pattern: Any) -> tuple[str, bool]:
    """Return how a path goes on by a pattern of a URLconf, and whether that is all there is to it."""
    route = getattr(pattern, "_route", None)
    if not isinstance(route, str):  # a regular expression, or what depends on the language
        return path, False
    literal, is_variable, _ = route.partition("<")
    return path + literal, not is_variable


def dotted_path_of(callback: Any) -> str:
    """Return what Django calls a view without a name."""
    named: Any = getattr(callback, "view_class", callback)
    if not hasattr(named, "__name__"):
        named = named.__class__
    return f"{named.__module__}.{named.__name__}"


def depends_on_language(resolver: Any) -> bool:
    """Tell whether some of the paths below a resolver are translated, or begin with a language."""
    for entry in resolver.url_patterns:
        pattern = entry.pattern
        source = getattr(pattern, "_route", None) or getattr(pattern, "_regex", None)
        if isinstance(pattern, LocalePrefixPattern) or isinstance(source, is_lazy):
            return True
        if hasattr(entry, "url_patterns") and depends_on_language(entry):
            return True
    return False


def sets_urlconf(middleware: Any) -> bool:
    """Tell whether a middleware's own code sets an attribute ``urlconf``, of a request most likely."""
    return any(_stores_urlconf(code) for code in _codes_of(middleware))


def _codes_of(middleware: Any) -> Iterable[CodeType]:
    functions = vars(middleware).values() if inspect.isclass(middleware) else (middleware,)
    for function in functions:
        code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
        if isinstance(code, CodeType):
            yield from _with_inner(code)


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)


def _stores_urlconf(code: CodeType) -> bool:
    return "urlconf" in code.co_names and any(
        each.opname == "STORE_ATTR" and each.argval == "urlconf" for each in dis.get_instructions(code)
    )
