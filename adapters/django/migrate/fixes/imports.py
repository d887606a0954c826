"""Imports at the top of a module: what a name means there, and new ones, where isort would have them."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.fixes.aliases import with_alias
from hybrid.adapters.django.migrate.fixes.edits import NewImport
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.source.module import SourceModule

Line = cst.SimpleStatementLine | cst.BaseCompoundStatement
Import = cst.Import | cst.ImportFrom
#: Tells whether a module, by its dotted name, is of the project.
IsOwn = Callable[[str], bool]

_BLANK: Final = cst.EmptyLine(indent=False)
_FUTURE, _STANDARD, _OTHERS, _OWN, _RELATIVE = range(5)


def free_name(module: SourceModule, wanted: NewImport, beside: ast.AST) -> str:
    """Return what the module calls something beside a node; ``""`` where it can be imported by its own name.

    Raises:
        LeftAlone: that name means something else there.
    """
    meant = ".".join(filter(None, (wanted.source, wanted.name)))
    line = getattr(beside, "lineno", 1)
    for node in module.tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and node.lineno < line:
            for shown, stands_for in _bound(module, node):
                if stands_for == meant and not _is_other(module, shown, meant, beside):
                    return shown
    name = wanted.name or wanted.source
    if _is_other(module, name, meant, beside):
        raise LeftAlone(f"{meant} is needed, and the name {name} means something else there")
    return ""


def _bound(module: SourceModule, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Give the names that a statement binds, each with what it stands for."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, module.meant_by(node, alias.name)
        elif alias.asname or "." not in alias.name:
            yield alias.asname or alias.name, alias.name


def _is_other(module: SourceModule, name: str, meant: str, beside: ast.AST) -> bool:
    """Tell whether a name is given something else in the scopes that a node sees."""
    scopes = {module.function_of(beside), *_functions_above(module, beside), None}
    for node in module.nodes(ast.Name):
        if node.id == name and not isinstance(node.ctx, ast.Load) and module.function_of(node) in scopes:
            return True
    for argument in module.nodes(ast.arg):
        if argument.arg == name and any(each in scopes for each in module.ancestors(argument)):
            return True
    definitions: Iterator[ast.AST] = module.nodes(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for each in definitions:
        if getattr(each, "name", "") == name and module.function_of(each) in scopes:
            return not _is_method(module, each)
    imports: Iterator[ast.Import | ast.ImportFrom] = module.nodes(ast.Import, ast.ImportFrom)
    return any(
        shown == name and stands_for != meant and module.function_of(node) in scopes
        for node in imports
        for shown, stands_for in _bound(module, node)
    )


def _functions_above(module: SourceModule, node: ast.AST) -> set[ast.AST]:
    return {
        each
        for each in module.ancestors(node)
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    }


def _is_method(module: SourceModule, node: ast.AST) -> bool:
    return isinstance(module.parent(node), ast.ClassDef)


def with_imports(tree: cst.Module, wanted: Iterable[NewImport], is_own: IsOwn) -> cst.Module:
    """Return a module that imports more."""
    for each in dict.fromkeys(wanted):
        tree = tree.with_changes(body=_with_import(list(tree.body), each, is_own))
    return tree


def _with_import(body: list[Line], wanted: NewImport, is_own: IsOwn) -> list[Line]:
    begin = _beginning(body)
    lines = [(begin + number, node) for number, node in enumerate(_imports_at(body[begin:]))]
    for number, node in lines:
        if wanted.name and isinstance(node, cst.ImportFrom) and _source(node) == wanted.source:
            names = node.names
            if not isinstance(names, cst.ImportStar):
                if all(each.evaluated_name != wanted.name or each.asname for each in names):
                    body[number] = _with(body[number], with_alias(node, wanted.name))
                return body
    keys = [(number, _key(node, is_own)) for number, node in lines]
    _insert(body, _statement(wanted), _key_of(wanted, is_own), keys, begin)
    return body


def _insert(
    body: list[Line],
    new: cst.SimpleStatementLine,
    key: tuple[int, bool, str],
    keys: Sequence[tuple[int, tuple[int, bool, str]]],
    begin: int,
) -> None:
    """Put an import behind the last one that belongs before it, with lines free between sections."""
    before = [number for number, other in keys if other <= key]
    at = before[-1] + 1 if before else begin
    same_above = bool(before) and dict(keys)[before[-1]][0] == key[0]
    below = dict(keys).get(at)
    takes_over = below is not None and below[0] == key[0] and not same_above
    if takes_over and not any(each.comment for each in body[at].leading_lines):
        new = new.with_changes(leading_lines=body[at].leading_lines)
        body[at] = body[at].with_changes(leading_lines=[])
    elif at and not same_above:
        new = new.with_changes(leading_lines=[_BLANK])
    if at < len(body) and (below is None or below[0] != key[0]):
        body[at] = _set_off(body[at])
    body.insert(at, new)


def _set_off(line: Line) -> Line:
    """Return a line with one free above, at least; two above a function or a class that has none."""
    free = [_BLANK, _BLANK] if isinstance(line, cst.ClassDef | cst.FunctionDef) else [_BLANK]
    return line if line.leading_lines else line.with_changes(leading_lines=free)


def _beginning(body: Sequence[Line]) -> int:
    """Return where imports begin: behind the docstring, and behind what is from ``__future__``."""
    begin = 1 if body and _is_docstring(body[0]) else 0
    for number, node in enumerate(_imports_at(body[begin:]), begin + 1):
        if isinstance(node, cst.ImportFrom) and _source(node) == "__future__":
            begin = number
    return begin


def _imports_at(body: Sequence[Line]) -> Iterator[Import]:
    """Give the imports that some lines begin with, one for each line."""
    for line in body:
        match line:
            case cst.SimpleStatementLine(body=[cst.Import() | cst.ImportFrom() as node]):
                yield node
            case _:
                return


def _is_docstring(line: Line) -> bool:
    match line:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
        case _:
            return False


def _source(node: cst.ImportFrom) -> str:
    """Return the module that names are from, with a dot for each level."""
    empty = cst.Module([])
    return "." * len(node.relative) + (empty.code_for_node(node.module) if node.module else "")


def _key(node: Import, is_own: IsOwn) -> tuple[int, bool, str]:
    if isinstance(node, cst.ImportFrom):
        return _key_of(NewImport(_source(node), "?"), is_own)
    return _key_of(NewImport(node.names[0].evaluated_name), is_own)


def _key_of(wanted: NewImport, is_own: IsOwn) -> tuple[int, bool, str]:
    """Return what imports are sorted by: the section, how it is imported, and the module."""
    source = wanted.source
    top = source.partition(".")[0]
    if source.startswith("."):
        section = _RELATIVE
    elif top == "__future__":
        section = _FUTURE
    elif top in sys.stdlib_module_names:
        section = _STANDARD
    else:
        section = _OWN if is_own(source) else _OTHERS
    return section, bool(wanted.name), source.lower()


def _statement(wanted: NewImport) -> cst.SimpleStatementLine:
    text = f"from {wanted.source} import {wanted.name}" if wanted.name else f"import {wanted.source}"
    made = cst.parse_statement(text)
    assert isinstance(made, cst.SimpleStatementLine)
    return made


def _with(line: Line, node: Import) -> Line:
    return line.with_changes(body=[node])
