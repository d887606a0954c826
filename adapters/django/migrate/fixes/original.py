"""A file as it was read, as a tree that keeps all of it; and where in that nodes of the other tree are."""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TypeVar

import libcst as cst

from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.located import Located, Statement, statements
from hybrid.adapters.django.migrate.fixes.written import Written, written
from hybrid.adapters.django.migrate.source.module import SourceModule

Kind = TypeVar("Kind", bound=cst.CSTNode)


class Original:
    """A file of the project. ``module`` is what rules know of it.

    Raises:
        LeftAlone: it cannot be changed, for the reason given.
    """

    def __init__(self, module: SourceModule) -> None:
        self.module = module
        self.written = written(module.path)
        self.tree = _tree(module, self.written)
        self._located: dict[ast.AST, Located] = {}
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}

    def find(self, node: ast.AST, kind: type[Kind]) -> Kind:
        """Return the node of libcst's tree that a node of the other one is.

        Raises:
            LeftAlone: there is none, which is so for parts of f-strings on some versions of Python.
        """
        for each in self._all(node):
            if isinstance(each, kind):
                return each
        raise LeftAlone("it could not be found again")

    def statement(self, node: ast.AST) -> Statement:
        """Return the statement that a node is, or stands in: the whole line of a simple one."""
        found = next(self._all(node), None)
        if found is None:
            raise LeftAlone("it could not be found again")
        while not isinstance(found, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            found = self._parents[found]
        return found

    @property
    def parents(self) -> Mapping[cst.CSTNode, cst.CSTNode]:
        """What each node that was found, and what is around it, stands in."""
        return self._parents

    @cached_property
    def _statements(self) -> dict[ast.stmt, Statement]:
        return statements(self.module.tree, self.tree)

    @cached_property
    def _lines(self) -> list[str]:
        return self.module.text.split("\n")

    def _all(self, node: ast.AST) -> Iterator[cst.CSTNode]:
        """Give the nodes that begin and end where a node of the other tree does."""
        start = self._character(getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
        end = self._character(getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
        top = next((each for each in (node, *self.module.ancestors(node)) if each in self._statements), None)
        if isinstance(top, ast.stmt):
            yield from self._at(top).at(start, end)

    def _at(self, top: ast.stmt) -> Located:
        """Look at a statement at the top of the module, once."""
        if top not in self._located:
            found = Located(self.tree, self._statements[top], top)
            self._located[top] = found
            self._parents.update(found.parents)
        return self._located[top]

    def _character(self, line: int, offset: int) -> tuple[int, int]:
        """Return a place with its column in characters: ``ast`` counts the bytes of UTF-8."""
        return line, len(self._lines[line - 1].encode()[:offset].decode(errors="replace"))


def _tree(module: SourceModule, written: Written) -> cst.Module:
    try:
        text = written.text
        if text.replace("\r\n", "\n").replace("\r", "\n") != module.text:
            raise LeftAlone("the file has changed since it was read")
        tree = cst.parse_module(text)
    except (UnicodeDecodeError, cst.ParserSyntaxError) as error:
        raise LeftAlone(f"libcst cannot read the file: {error}") from None
    if tree.code != text:
        raise LeftAlone("libcst does not keep all of the file: such as a form feed before code on its line")
    return tree
