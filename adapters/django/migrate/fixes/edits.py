"""Changes to a tree of libcst, noted one by one and done together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import libcst as cst

from hybrid.adapters.django.migrate.fixes.located import Statement
from hybrid.adapters.django.migrate.fixes.original import Original

#: Makes a node of one; below it, whatever else was noted has been done already.
Change = Callable[[Any], cst.CSTNode]


@dataclass(frozen=True)
class Edit:
    """One change to a tree.

    Attributes:
        node: as the original tree has it.
        change: what becomes of it; None where it stays.
        before, after: statements that are put there, for a node that is a statement.
        removed: whether it goes, whatever else is said of it; what is put beside it stays.
        moved: whether it is put elsewhere, with its comments; otherwise they go to the next statement.
    """

    node: cst.CSTNode
    change: Change | None = None
    before: tuple[Statement, ...] = ()
    after: tuple[Statement, ...] = ()
    removed: bool = False
    moved: bool = False


@dataclass(frozen=True)
class NewImport:
    """A name to import at the top of the module: ``from source import name``, or ``import source`` without
    one.
    """

    source: str
    name: str = ""


@dataclass
class Edits:
    """What is to be done to a file.

    Attributes:
        edits: in the order in which they were noted, which is the order for one node.
        imports: what is to be imported.
        freed: lines and columns, as ``ast`` has them, of names that are used no more; an import that nothing
            uses then goes.
        created: other files that are written, with what is in them.
    """

    edits: list[Edit] = field(default_factory=list[Edit])
    imports: list[NewImport] = field(default_factory=list[NewImport])
    freed: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    created: dict[Path, str] = field(default_factory=dict[Path, str])

    @property
    def changes_file(self) -> bool:
        """Whether the file itself is to be changed."""
        return bool(self.edits or self.imports)

    def copy(self) -> "Edits":
        """Return the same edits, to go back to."""
        return Edits([*self.edits], [*self.imports], [*self.freed], dict(self.created))


def done(original: Original, edits: Sequence[Edit]) -> cst.Module:
    """Return the tree with edits done."""
    by_node: dict[cst.CSTNode, list[Edit]] = {}
    for each in edits:
        by_node.setdefault(each.node, []).append(each)
    gone = {each.node: each for each in edits if each.removed}
    for below, lines in _lines_set_free(gone, original.parents):
        by_node.setdefault(below, []).append(Edit(below, partial(_with_lines, lines)))
    if not by_node:
        return original.tree
    changed = original.tree.visit(_Doing(by_node, _above(by_node, original.parents)))
    assert isinstance(changed, cst.Module)
    return changed


def _lines_set_free(
    gone: Mapping[cst.CSTNode, Edit], parents: Mapping[cst.CSTNode, cst.CSTNode]
) -> Iterator[tuple[cst.CSTNode, Sequence[cst.EmptyLine]]]:
    """Give the statements below those that go, with the lines that have been above these: free ones, and
    comments unless they go along.
    """
    for node, edit in gone.items():
        body: list[cst.CSTNode] = list(getattr(parents[node], "body", ()))
        behind = body[body.index(node) + 1 :] if node in body else []
        below = next((each for each in behind if each not in gone), None)
        lines: list[cst.EmptyLine] = list(getattr(node, "leading_lines", ()))
        if edit.moved:
            lines = [each for each in lines if not each.comment]
        elif isinstance(node, cst.SimpleStatementLine) and node.trailing_whitespace.comment:
            lines.append(cst.EmptyLine(comment=node.trailing_whitespace.comment))
        if below is not None and lines:
            yield below, lines


def _with_lines(lines: Sequence[cst.EmptyLine], node: Any) -> cst.CSTNode:
    """Return a statement with lines above it: free ones only where it has none of its own."""
    own = [*node.leading_lines]
    kept = lines if any(each.comment for each in lines) or not own else ()
    changed: cst.CSTNode = node.with_changes(leading_lines=[*kept, *own])
    return changed


def _above(nodes: Iterable[cst.CSTNode], parents: Mapping[cst.CSTNode, cst.CSTNode]) -> set[cst.CSTNode]:
    """Return what the nodes stand in, which is all that has to be walked through."""
    found: set[cst.CSTNode] = set()
    for node in nodes:
        above = parents.get(node)
        while above is not None and above not in found:
            found.add(above)
            above = parents.get(above)
    return found


class _Doing(cst.CSTTransformer):
    def __init__(self, edits: Mapping[cst.CSTNode, Sequence[Edit]], above: set[cst.CSTNode]) -> None:
        super().__init__()
        self._edits = edits
        self._above = above

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node in self._above

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> Any:
        noted = self._edits.get(original_node, ())
        for each in noted:
            updated_node = each.change(updated_node) if each.change else updated_node
        kept = [] if any(each.removed for each in noted) else [updated_node]
        before = [statement for each in noted for statement in each.before]
        after = [statement for each in noted for statement in each.after]
        if not before and not after:
            return updated_node if kept else cst.RemoveFromParent()
        return cst.FlattenSentinel([*before, *kept, *after])
