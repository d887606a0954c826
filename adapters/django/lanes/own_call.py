"""What the source of a middleware tells of a ``__call__`` of its own. Nothing of Django is imported.

A ``MiddlewareMixin`` says that it can be asynchronous. One with a synchronous ``__call__`` of its own cannot,
unless that is ready for both, or returns untouched what is inside it gives: on ASGI that is a coroutine.
"""

import ast
from typing import Final

#: Names that only code has which is ready for both kinds of ``get_response``.
_DUAL: Final = {
    "iscoroutinefunction",
    "async_mode",
    "markcoroutinefunction",
    "_is_coroutine",
    "__acall__",
    "isawaitable",
}


def is_dual(owner: ast.ClassDef) -> bool:
    """Tell whether a class looks which kind of ``get_response`` it has, or is asynchronous itself; setting
    ``async_mode`` is not looking.
    """
    for node in ast.walk(owner):
        if isinstance(node, ast.Name) and node.id in _DUAL:
            return True
        if isinstance(node, ast.Attribute) and node.attr in _DUAL and isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.AsyncFunctionDef) and node.name in ("__acall__", "__call__"):
            return True
    return False


def calls_super_init(init: ast.AST) -> bool:
    """Tell whether an ``__init__`` calls that of a base."""
    return any(isinstance(each, ast.Attribute) and each.attr == "__init__" for each in ast.walk(init))


def passes_on(call: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a ``__call__`` returns what is inside it gives, untouched, wherever it returns: then that
    may be a coroutine, and Django awaits it.
    """
    inner = [each for each in ast.walk(call) if isinstance(each, ast.Call) and _is_inner(each)]
    held = {
        target.id
        for each in ast.walk(call)
        if isinstance(each, ast.Assign) and each.value in inner
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    returned = [each.value for each in ast.walk(call) if isinstance(each, ast.Return)]
    loads = [
        each
        for each in ast.walk(call)
        if isinstance(each, ast.Name) and each.id in held and isinstance(each.ctx, ast.Load)
    ]
    handed_on = all(
        value in inner or (isinstance(value, ast.Name) and value.id in held) for value in returned if value
    )
    return bool(inner) and handed_on and all(each in returned for each in loads)


def _is_inner(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id="self"), attr="get_response" | "_get_response" | "__acall__"):
            return True
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__call__"):
            return True
        case _:
            return False
