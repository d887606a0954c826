"""Middleware that says it can be asynchronous and is not, taken at less than its word.

Every ``MiddlewareMixin`` says ``async_capable``. One with a synchronous ``__call__`` of its own, or with an
``__init__`` that leaves out that of the mixin, finds a coroutine where it looks for a response (rule HM104 of
``hybrid migrate audit``): each request ends with status 500. As synchronous middleware, which is called on a
thread, it does what it does under WSGI.
"""

import ast
import inspect
import logging
import textwrap
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import Any, Final

from hybrid.adapters.django.lanes.own_call import calls_super_init, is_dual, passes_on
from hybrid.adapters.django.lanes.parts import MiddlewareMixin, import_string, is_coroutine_function

logger = logging.getLogger("hybrid.django")

_base: Any = import_module("django.core.handlers.base")
_LOADING: Final = Lock()


@contextmanager
def taken_for_what_they_are() -> Generator[None]:
    """Let Django's handlers load such middleware as synchronous while the block runs, and say so in the log.

    They look middleware up by a function of Django's module, which tools that watch a project replace by one
    of theirs: that is called in its turn.
    """
    with _LOADING:
        look_up = _base.import_string

        def load(path: str) -> Any:
            made_by = look_up(path)
            problem = problem_of(import_string(path))
            if not problem:
                return made_by
            logger.warning(
                "middleware %s %s: the asgi lane calls it on a thread, which the request keeps until there "
                "is a response. Set async_capable = False in the class, or better, use process_request and "
                "process_response (HM104)",
                path,
                problem,
            )
            return _synchronous(made_by)

        _base.import_string = load
        try:
            yield
        finally:
            _base.import_string = look_up


def problem_of(made_by: Any) -> str:
    """Say why middleware cannot be asynchronous though it says so; ``""`` where it can, or does not say so.

    A ``__call__`` that cannot be read counts as synchronous, which is never wrong.
    """
    if not (inspect.isclass(made_by) and issubclass(made_by, MiddlewareMixin)):
        return ""
    says: Any = made_by
    classes = [each for each in made_by.__mro__ if _is_own(each)]
    trees = [_tree_of(each) for each in classes]
    if not (says.sync_capable and says.async_capable) or any(tree and is_dual(tree) for tree in trees):
        return ""
    for own, tree in zip(classes, trees, strict=True):
        call: Any = vars(own).get("__call__")
        if call is not None and not is_coroutine_function(call) and not _passes_on(tree):
            return "has a synchronous __call__ of its own"
    init = next((tree for own, tree in zip(classes, trees, strict=True) if "__init__" in vars(own)), None)
    if init is not None and (found := _method(init, "__init__")) and not calls_super_init(found):
        return "has an __init__ that does not call super().__init__()"
    return ""


def _synchronous(made_by: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(get_response: Any) -> Any:
        return made_by(get_response)

    middleware.sync_capable = True  # type: ignore[attr-defined]
    middleware.async_capable = False  # type: ignore[attr-defined]
    return middleware


def _is_own(cls: type) -> bool:
    return cls is not object and not cls.__module__.startswith("django.")


def _tree_of(cls: type) -> ast.ClassDef | None:
    """Return the source of a class, None where there is none."""
    if not {"__call__", "__acall__", "__init__"} & vars(cls).keys():
        return None
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    return tree if isinstance(tree, ast.ClassDef) else None


def _passes_on(tree: ast.ClassDef | None) -> bool:
    call = None if tree is None else _method(tree, "__call__")
    return call is not None and not call.decorator_list and passes_on(call)


def _method(tree: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name), None)
