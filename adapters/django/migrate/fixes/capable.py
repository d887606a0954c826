"""What a class of middleware says of itself, and who inherits that."""

import ast
from collections.abc import Set as AbstractSet

from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.source.definitions import ClassAt


def flag_of(owner: ClassAt, name: str) -> ast.Constant | None:
    """Return the value that a class gives ``sync_capable`` or ``async_capable``; None where it gives none.

    Raises:
        LeftAlone: it is not a plain True or False, or given elsewhere than in the class.
    """
    found: ast.Constant | None = None
    for node in ast.walk(owner.node):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=given)], value=ast.Constant(value=bool()) as value)
                | ast.AnnAssign(target=ast.Name(id=given), value=ast.Constant(value=bool()) as value)
            ) if given == name and node in owner.node.body:
                found = value
            case ast.Name(id=given, ctx=ast.Store()) | ast.Attribute(attr=given, ctx=ast.Store()):
                if given == name and not _is_plain(owner, node):
                    raise LeftAlone(f"{name} is set in the class in a way of its own")
            case _:
                pass
    return found


def _is_plain(owner: ClassAt, target: ast.AST) -> bool:
    """Tell whether a target is the only one of a plain assignment in the class."""
    return any(
        (isinstance(each, ast.Assign) and each.targets == [target] and isinstance(each.value, ast.Constant))
        or (
            isinstance(each, ast.AnnAssign) and each.target is target and isinstance(each.value, ast.Constant)
        )
        for each in owner.node.body
    )


def check_no_heirs(draft: Draft, owner: ClassAt, methods: AbstractSet[str]) -> None:
    """Leave a class alone of which another of the project has some of its methods in its own way."""
    definitions = draft.sources.definitions
    for each in definitions.classes.values():
        if each is not owner and owner in definitions.line(each) and methods & each.methods.keys():
            raise LeftAlone(f"{each.symbol} inherits it, with methods of its own")
