"""A middleware function that makes a coroutine function where it is given one."""

import ast
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.fixes.awaiting import awaitable_calls
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.mirroring import mirrored
from hybrid.adapters.django.migrate.fixes.waiting import Waiting
from hybrid.adapters.django.migrate.source.module import SourceModule

_DECORATORS: Final = "django.utils.decorators"
_SYNC_ONLY: Final = f"{_DECORATORS}.sync_only_middleware"
_REMARK: Final = "is asynchronous where what is inside of it is: both of its functions have to stay the same"
_FREE: Final = cst.EmptyLine(indent=False)


def dual_function(draft: Draft, outer: ast.FunctionDef) -> str:
    """Note that a middleware function makes one of two functions, and return what to know of it."""
    inner = _inner(outer)
    name = _get_response(outer)
    _check(draft, outer, inner, name)
    asks = draft.name("asgiref.sync", "iscoroutinefunction", outer)
    both = draft.name(_DECORATORS, "sync_and_async_middleware", outer)
    draft.change(inner, cst.FunctionDef, lambda each: _two(each, name, asks))
    _free_marker(draft, outer)
    decorator = cst.Decorator(cst.Name(both))
    draft.change(outer, cst.FunctionDef, lambda each: each.with_changes(decorators=[decorator]))
    return f"{draft.module.symbol(outer)} {_REMARK}"


def _inner(outer: ast.FunctionDef) -> ast.FunctionDef:
    """Return the function that it makes: the only one, which it returns."""
    made = [each for each in ast.walk(outer) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    match made, outer.body[-1]:
        case [_, ast.FunctionDef(decorator_list=[]) as inner], ast.Return(value=ast.Name(id=name)):
            if inner.name == name and inner in outer.body and len(inner.args.args) == 1:
                return inner
        case _:
            pass
    raise LeftAlone("it does not make and return one plain function of the request")


def _get_response(outer: ast.FunctionDef) -> str:
    if len(outer.args.args) != 1 or outer.args.vararg or outer.args.kwarg or outer.args.kwonlyargs:
        raise LeftAlone("it takes more than get_response")
    return outer.args.args[0].arg


def _free_marker(draft: Draft, outer: ast.FunctionDef) -> None:
    """Note that a decorator that says that it is synchronous goes."""
    match outer.decorator_list:
        case []:
            pass
        case [ast.Name() as only] if draft.module.dotted(only) == _SYNC_ONLY:
            draft.free(only)
        case [ast.Attribute() as only] if draft.module.dotted(only) == _SYNC_ONLY:
            pass
        case _:
            raise LeftAlone("a decorator may make something else of it")


def _check(draft: Draft, outer: ast.FunctionDef, inner: ast.FunctionDef, name: str) -> None:
    module = draft.module
    uses = _uses(module, outer, name)
    passed = awaitable_calls(module, uses, inner, f"{name} other than to call it for a request")
    if not passed:
        raise LeftAlone(f"it does not call {name}")
    Waiting(draft.sources, passed).check(module, inner, None)


def _uses(module: SourceModule, outer: ast.FunctionDef, name: str) -> list[ast.Name]:
    return [each for each in module.nodes(ast.Name) if each.id == name and outer in module.ancestors(each)]


def _two(inner: cst.FunctionDef, name: str, asks: str) -> cst.If:
    """Return the choice between a coroutine function and a function."""
    plain = inner.with_changes(leading_lines=[_FREE])
    made = mirrored(plain, cst.Name(name), inner.name.value)
    return cst.If(
        cst.parse_expression(f"{asks}({name})"),
        cst.IndentedBlock([made]),
        orelse=cst.Else(cst.IndentedBlock([plain]), leading_lines=[_FREE]),
        leading_lines=inner.leading_lines,
    )
