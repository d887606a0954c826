"""Attributes at the beginning of a class."""

from collections.abc import Sequence

import libcst as cst

_FREE = cst.EmptyLine(indent=False)


def with_attributes(node: cst.ClassDef, texts: Sequence[str]) -> cst.ClassDef:
    """Return a class with more statements, each of one line, behind its docstring."""
    block = cst.ensure_type(node.body, cst.IndentedBlock)
    body = list(block.body)
    at = 1 if node.get_docstring() is not None else 0
    new = [cst.ensure_type(cst.parse_statement(each), cst.SimpleStatementLine) for each in texts]
    if at:
        new[0] = new[0].with_changes(leading_lines=[_FREE])
    if at < len(body):
        body[at] = _below(body[at])
    body[at:at] = new
    return node.with_changes(body=block.with_changes(body=body))


def _below(statement: cst.BaseStatement) -> cst.BaseStatement:
    """Return what stands below: a function with a line free above it, an attribute right below."""
    lines = list(getattr(statement, "leading_lines", ()))
    free = bool(lines) and lines[0].comment is None
    if isinstance(statement, cst.SimpleStatementLine):
        return statement.with_changes(leading_lines=lines[1:] if free else lines)
    return statement if free else statement.with_changes(leading_lines=[_FREE, *lines])
