"""HM302, HM104: synchronous middleware becomes one that is both, or whose halves run on threads."""

import ast

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding, FixKind
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.dual_classes import dual_class
from hybrid.adapters.django.migrate.fixes.dual_functions import dual_function
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.fixes.splitting import split
from hybrid.adapters.django.migrate.fixes.twin_versions import MARKED, check_version
from hybrid.adapters.django.migrate.rules.own_call import is_mixin
from hybrid.adapters.django.migrate.source.definitions import ClassAt


@codemod("HM302", kind=FixKind.SUGGEST)
def dual_mode(draft: Draft, finding: Finding) -> str:
    """Leave alone what may wait on the event loop, and what is not linear."""
    check_version(draft, MARKED, "middleware that is both")
    match draft.module.defined_at(finding.place.line):
        case ast.ClassDef() as node:
            owner = _class(draft, node)
            is_split = is_mixin(draft.sources.definitions, owner)
            return split(draft, owner) if is_split else dual_class(draft, owner)
        case ast.FunctionDef() as function:
            return dual_function(draft, function)
        case _:
            raise LeftAlone("it is not the project's own: see whether there is a newer version")


@codemod("HM104", kind=FixKind.SUGGEST)
def two_halves(draft: Draft, finding: Finding) -> str:
    """Leave alone what is not linear around ``get_response``: it gets the marker then."""
    node = draft.module.class_of(_function(draft, finding))
    if node is None:
        raise LeftAlone("the class is not defined there")
    return split(draft, _class(draft, node))


def _function(draft: Draft, finding: Finding) -> ast.AST:
    found = draft.module.defined_at(finding.place.line)
    if not isinstance(found, ast.FunctionDef):
        raise LeftAlone(f"to be done by hand: {finding.fix.text}")
    return found


def _class(draft: Draft, node: ast.ClassDef) -> ClassAt:
    owner = next(
        (each for each in draft.sources.definitions.classes_of(draft.module) if each.node is node), None
    )
    if owner is None or not isinstance(draft.node(node, cst.ClassDef).body, cst.IndentedBlock):
        raise LeftAlone("the class is written in a way of its own")
    return owner
