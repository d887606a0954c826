"""Where the nodes of one statement are, in a tree of libcst."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


class Located:
    """A statement at the top of a module, all of whose nodes have a place and something they stand in.

    Looking at one statement instead of the module is what makes many changes of long files cheap.
    """

    def __init__(self, tree: cst.Module, statement: Statement, node: ast.stmt) -> None:
        """Look at ``statement``, which is ``node`` in the other tree, of a module."""
        alone = tree.with_changes(header=(), body=(statement,), footer=())
        wrapper = MetadataWrapper(alone, unsafe_skip_copy=True)  # the parser makes no node twice
        self._positions: Mapping[cst.CSTNode, CodeRange] = wrapper.resolve(PositionProvider)
        self._below = node.lineno - self._positions[statement].start.line
        self.parents = {**wrapper.resolve(ParentNodeProvider), statement: tree}
        self._by_start: dict[tuple[int, int], list[cst.CSTNode]] = defaultdict(list)
        for each, where in self._positions.items():
            self._by_start[where.start.line + self._below, where.start.column].append(each)

    def at(self, start: tuple[int, int], end: tuple[int, int]) -> Iterator[cst.CSTNode]:
        """Give the nodes from one line and column to another. Blocks may end with a comment, and so later;
        they begin but once anyway.
        """
        for each in self._by_start.get(start, ()):
            last = self._positions[each].end
            if isinstance(each, cst.BaseCompoundStatement) or (last.line + self._below, last.column) == end:
                yield each


def statements(module: ast.Module, tree: cst.Module) -> dict[ast.stmt, Statement]:
    """Return which statement of libcst's tree each at the top of a module is: several may stand on a line."""
    found: dict[ast.stmt, Statement] = {}
    waiting = iter(module.body)
    for statement in tree.body:
        small: Sequence[object] = (
            statement.body if isinstance(statement, cst.SimpleStatementLine) else (statement,)
        )
        found.update((each, statement) for _, each in zip(small, waiting, strict=False))
    return found
