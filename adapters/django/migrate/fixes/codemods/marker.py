"""HM104: a middleware with a synchronous ``__call__`` of its own says so: ``async_capable = False``."""

import ast
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.class_bodies import with_attributes
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.source.definitions import ClassAt

_NAME: Final = "async_capable"
_REMARK: Final = (
    "is synchronous from now on, and so is the chain around it on ASGI: HM302 tells what that costs"
)


@codemod("HM104")
def not_async_capable(draft: Draft, finding: Finding) -> str:
    """Leave classes alone that compute their ``async_capable``."""
    owner = _class_of(draft, finding)
    _check_heirs(draft, owner)
    said = [
        each for each in ast.walk(owner.node) if isinstance(each, ast.Name | ast.Attribute) and _is_it(each)
    ]
    value = _value(owner.node)
    if not said:
        draft.change(owner.node, cst.ClassDef, lambda each: with_attributes(each, (f"{_NAME} = False",)))
    elif len(said) == 1 and value is not None:
        draft.change(value, cst.Name, lambda each: each.with_changes(value="False"))
    else:
        raise LeftAlone(f"{_NAME} is set in the class in a way of its own")
    return f"{owner.symbol} {_REMARK}"


def _class_of(draft: Draft, finding: Finding) -> ClassAt:
    """Return the class whose ``__call__`` the finding is of."""
    module = draft.module
    function = module.defined_at(finding.place.line)
    node = (
        module.class_of(function) if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
    )
    found = next((each for each in draft.sources.definitions.classes_of(module) if each.node is node), None)
    if found is None:
        raise LeftAlone("the class is not defined there")
    if not isinstance(draft.node(found.node, cst.ClassDef).body, cst.IndentedBlock):
        raise LeftAlone("the class is written in one line")
    return found


def _check_heirs(draft: Draft, owner: ClassAt) -> None:
    """Leave alone what another class, whose ``__call__`` it is too, would not take over."""
    definitions = draft.sources.definitions
    for each in definitions.classes.values():
        if each is not owner and owner in definitions.line(each):
            if _value(each.node) is not None:
                raise LeftAlone(f"{each.symbol} inherits it, and says {_NAME} = True itself")


def _is_it(node: ast.Name | ast.Attribute) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr
    return name == _NAME and isinstance(node.ctx, ast.Store)


def _value(node: ast.ClassDef) -> ast.Constant | None:
    """Return what the class sets it to, if that is one plain True."""
    for each in node.body:
        match each:
            case (
                ast.Assign(targets=[ast.Name(id="async_capable")], value=ast.Constant(value=True) as value)
                | ast.AnnAssign(target=ast.Name(id="async_capable"), value=ast.Constant(value=True) as value)
            ):
                return value
            case _:
                pass
    return None
