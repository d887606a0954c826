"""A function again, as a coroutine function."""

from typing import Any

import libcst as cst
from libcst import matchers

from hybrid.adapters.django.migrate.fixes.awaiting import awaited

Statements = list[cst.BaseStatement]


def mirrored(function: cst.FunctionDef, inner: cst.BaseExpression, name: str) -> cst.FunctionDef:
    """Return a coroutine function that does the same.

    Args:
        function: a synchronous one.
        inner: what of the things that it calls is to be awaited: ``self.get_response``.
        name: of the new one.
    """
    new = function.deep_clone().visit(_Awaiting(inner))
    made = cst.ensure_type(new, cst.FunctionDef)
    return made.with_changes(name=cst.Name(name), asynchronous=cst.Asynchronous())


class _Awaiting(cst.CSTTransformer):
    def __init__(self, inner: cst.BaseExpression) -> None:
        super().__init__()
        self._inner = inner

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802 - libcst's
        if original_node.func.deep_equals(self._inner):
            return awaited(updated_node, binds=False)
        return updated_node.with_changes(func=_bound(updated_node.func))

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:  # noqa: N802 - libcst's
        return updated_node.with_changes(value=_bound(updated_node.value))

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.Subscript:  # noqa: N802 - libcst's
        return updated_node.with_changes(value=_bound(updated_node.value))


def _bound(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return what something is taken of: with parentheses, if it is awaited."""
    if isinstance(node, cst.Await) and not node.lpar:
        return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return node


def without_docstring(body: Statements) -> Statements:
    """Return the statements of a function behind its docstring."""
    text = matchers.SimpleStatementLine(
        body=[matchers.Expr(value=matchers.SimpleString() | matchers.ConcatenatedString())]
    )
    return body[1:] if body and matchers.matches(body[0], text) else body


def begun(body: Statements) -> Statements:
    """Return statements that begin a block: without free lines above."""
    if not body:
        return body
    first: Any = body[0]
    lines = list(first.leading_lines)
    while lines and lines[0].comment is None:
        lines.pop(0)
    return [first.with_changes(leading_lines=lines), *body[1:]]


def block_of(function: cst.FunctionDef) -> cst.IndentedBlock:
    """Return the body of a function that is written in lines of its own."""
    return cst.ensure_type(function.body, cst.IndentedBlock)
