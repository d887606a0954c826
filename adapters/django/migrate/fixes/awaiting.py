"""Where a coroutine can await something, and how that is written."""

import ast
from collections.abc import Iterable

import libcst as cst

from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.source.module import Function, SourceModule

_ATOMIC = "django.db.transaction.atomic"


def check_can_await(module: SourceModule, node: ast.AST) -> None:
    """Leave alone what stands where ``await`` would change more than itself.

    Raises:
        LeftAlone: it is in a generator expression, or in a transaction.
    """
    inside = node
    for above in module.ancestors(node):
        match above:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                return
            case ast.GeneratorExp(generators=[first, *_]) if not _is_begun_with(module, node, first):
                raise LeftAlone("it is in a generator expression, which would become an asynchronous one")
            case ast.With(items=items) if inside in above.body and any(
                _is_atomic(module, each) for each in items
            ):
                raise LeftAlone("it is in a transaction, which a coroutine cannot have, see HM109")
            case _:
                inside = above


def awaitable_calls(
    module: SourceModule, uses: Iterable[ast.expr], function: Function, said: str
) -> set[ast.Call]:
    """Return the calls that something is used for, and nothing else: each may have ``await`` before it.

    Args:
        module: where it is.
        uses: where it is used.
        function: where it may be called, and nothing else.
        said: how to say in an error what it is used for otherwise: "NAME other than to call it in WHERE".

    Raises:
        LeftAlone: it is used otherwise, or elsewhere, or where ``await`` would change more than itself.
    """
    calls = set[ast.Call]()
    for use in uses:
        above = module.parent(use)
        if (
            module.function_of(use) is not function
            or not isinstance(above, ast.Call)
            or above.func is not use
        ):
            raise LeftAlone(f"line {use.lineno} uses {said}")
        check_can_await(module, above)
        calls.add(above)
    return calls


def _is_begun_with(module: SourceModule, node: ast.AST, first: ast.comprehension) -> bool:
    """Tell whether a node is what a generator expression begins with, which its surroundings make."""
    return node is first.iter or first.iter in module.ancestors(node)


def _is_atomic(module: SourceModule, item: ast.withitem) -> bool:
    node = item.context_expr
    return module.dotted(node.func if isinstance(node, ast.Call) else node) == _ATOMIC


def awaits(draft: Draft, call: ast.Call) -> None:
    """Note that what a call returns is awaited, unless it is already."""
    above = draft.module.parent(call)
    if isinstance(above, ast.Await):
        return
    binds = needs_parentheses(draft.module, call)
    draft.change(call, cst.Call, lambda each: awaited(each, binds=binds))


def needs_parentheses(module: SourceModule, node: ast.expr) -> bool:
    """Tell whether something is taken of an expression, which binds more than ``await`` does."""
    match module.parent(node):
        case ast.Attribute(value=each) | ast.Subscript(value=each) | ast.Call(func=each):
            return each is node
        case _:
            return False


def awaited(node: cst.BaseExpression, *, binds: bool) -> cst.Await:
    """Return an expression that awaits one; parentheses around that are around both."""
    left, right = node.lpar, node.rpar
    if binds and not left:
        left, right = [cst.LeftParen()], [cst.RightParen()]
    return cst.Await(node.with_changes(lpar=(), rpar=()), lpar=left, rpar=right)
