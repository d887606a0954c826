"""Imports that nothing uses any more once a file has been changed."""

import ast
import re
from collections.abc import Sequence

import libcst as cst

from hybrid.adapters.django.migrate.fixes.imports import Import, Line
from hybrid.adapters.django.migrate.source.module import SourceModule


def without_unused(tree: cst.Module, module: SourceModule, freed: set[tuple[int, int]]) -> cst.Module:
    """Return a module without the imports of names that nothing uses but what has been freed.

    Only plain ones at the top go, and none with a comment: that may say why it is there.
    """
    names = {each.id for each in module.nodes(ast.Name) if (each.lineno, each.col_offset) in freed}
    for name in names:
        if not _is_used(module, name, freed):
            tree = tree.with_changes(body=_without(list(tree.body), name))
    return tree


def _is_used(module: SourceModule, name: str, freed: set[tuple[int, int]]) -> bool:
    """Tell whether anything else uses a name, or may: what a package has is for others too, unless it lists
    what is.
    """
    names = module.nodes(ast.Name)
    if module.path.stem == "__init__" and not any(each.id == "__all__" for each in names):
        return True
    if any(_quotes(each, name) for each in module.nodes(ast.Constant)) or _is_in_type_comment(module, name):
        return True
    return any(
        each.id == name and (each.lineno, each.col_offset) not in freed for each in module.nodes(ast.Name)
    )


def _quotes(constant: ast.Constant, name: str) -> bool:
    """Tell whether a text is code that uses the name, as annotations are: ``"threading.Lock"``."""
    text = constant.value
    if not isinstance(text, str) or name not in text:
        return False
    try:
        code = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(code))


def _is_in_type_comment(module: SourceModule, name: str) -> bool:
    return re.search(rf"#\s*type:.*\b{re.escape(name)}\b", module.text) is not None


def _without(body: list[Line], name: str) -> list[Line]:
    for number, line in enumerate(body):
        match line:
            case cst.SimpleStatementLine(body=[cst.Import() | cst.ImportFrom() as node]) if not _noted(line):
                kept = [each for each in _aliases(node) if _shown(each) != name]
            case _:
                continue
        if len(kept) == len(_aliases(node)):
            continue
        if kept:
            kept[-1] = kept[-1].with_changes(comma=_aliases(node)[-1].comma)
            body[number] = line.with_changes(body=[node.with_changes(names=kept)])
        else:
            _take_out(body, number)
        break
    return body


def _take_out(body: list[Line], number: int) -> None:
    """Take a line out; the free lines above it are kept where there would be none."""
    gone = body.pop(number)
    if number == len(body):
        return
    lines = list(body[number].leading_lines) or list(gone.leading_lines)
    while number == 0 and lines and not lines[0].comment:
        lines.pop(0)  # what is above the first statement is the head of the module
    body[number] = body[number].with_changes(leading_lines=lines)


def _noted(line: cst.SimpleStatementLine) -> bool:
    """Tell whether a comment stands in an import, or at it."""
    return "#" in cst.Module([]).code_for_node(line)


def _aliases(node: Import) -> Sequence[cst.ImportAlias]:
    return () if isinstance(node.names, cst.ImportStar) else node.names


def _shown(alias: cst.ImportAlias) -> str:
    """Return the name that an import binds."""
    return alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
