"""HM401: ``threading.local()`` becomes ``asgiref.local.Local()``, which follows a request between threads."""

import ast
from collections.abc import Iterator
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.rules.thread_state import LOCALS
from hybrid.adapters.django.migrate.source.module import SourceModule

_FUNCTIONS: Final = {"getattr", "setattr", "hasattr", "delattr"}


@codemod("HM401")
def local_of_asgiref(draft: Draft, finding: Finding) -> str:
    """Leave alone what is more than a holder of attributes: subclasses, and what is handed on as a whole."""
    module = draft.module
    match _assignment(draft, finding):
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=[], keywords=[]) as call) as node:
            pass
        case _:
            raise LeftAlone("it is not made by a plain assignment")
    if module.called(call) not in LOCALS:
        raise LeftAlone(f"{module.segment(call.func)} is a class of the project, which may do more")
    if module.parent(node) is not module.tree:
        raise LeftAlone("it is made in a block, or in a class")
    if sum(_gives(each, name) for each in module.nodes(ast.Name)) > 1:
        raise LeftAlone(f"{name} is given something else as well")
    for other, use in _uses(draft, name):
        if not _is_of_attribute(other, use):
            raise LeftAlone(f"{other.shown}:{use.lineno} uses it as a whole, and not an attribute of it")
    local = draft.name("asgiref.local", "Local", node)
    draft.change(call, cst.Call, lambda each: each.with_changes(func=cst.Name(local)))
    _free(draft, call.func)
    return ""


def _assignment(draft: Draft, finding: Finding) -> ast.Assign | None:
    found = (each for each in draft.module.nodes(ast.Assign) if draft.same(finding, each))
    return next(found, None)


def _gives(node: ast.Name, name: str) -> bool:
    return node.id == name and not isinstance(node.ctx, ast.Load)


def _uses(draft: Draft, name: str) -> Iterator[tuple[SourceModule, ast.expr]]:
    """Give the places in the project where it is used, by its name or through its module."""
    meant = f"{draft.module.name}.{name}"
    for node in draft.module.nodes(ast.Name):
        if node.id == name and isinstance(node.ctx, ast.Load):
            yield draft.module, node
    for other in draft.sources.modules:
        if other is not draft.module and name in other.text:
            nodes: Iterator[ast.Name | ast.Attribute] = other.nodes(ast.Name, ast.Attribute)
            for each in nodes:
                dotted = other.dotted(each)
                if dotted and draft.sources.definitions.resolve(dotted) == meant:
                    yield other, each


def _is_of_attribute(module: SourceModule, node: ast.expr) -> bool:
    match module.parent(node):
        case ast.Attribute(attr=name):
            return not name.startswith("__")
        case ast.Call(func=ast.Name(id=function), args=[first, *_]):
            return function in _FUNCTIONS and first is node
        case _:
            return False


def _free(draft: Draft, function: ast.expr) -> None:
    """Say that the name of ``threading``, or of what is from it, is not used here any more."""
    match function:
        case ast.Name() as name:
            draft.free(name)
        case ast.Attribute(value=ast.Name() as name):
            draft.free(name)
        case _:
            pass
