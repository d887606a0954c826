"""What a codemod works on: one file, of which it notes what is to be changed."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.edits import Change, Edit, Edits, NewImport, done
from hybrid.adapters.django.migrate.fixes.imports import free_name, with_imports
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.located import Statement
from hybrid.adapters.django.migrate.fixes.original import Original
from hybrid.adapters.django.migrate.fixes.unused import without_unused
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

Kind = TypeVar("Kind", bound=cst.CSTNode)


@dataclass(frozen=True)
class Project:
    """What is known of the project: its source, and what importing has shown, empty where it was not."""

    sources: Sources
    facts: Facts


class Draft:
    """One file, and what is to be changed of it.

    Nodes are named by those of ``module``, the tree that rules look at; changes are given nodes of libcst's.
    """

    def __init__(self, original: Original, project: Project) -> None:
        self._original = original
        self._project = project
        self.edits = Edits()

    @property
    def module(self) -> SourceModule:
        """The file, as it was read."""
        return self._original.module

    @property
    def sources(self) -> Sources:
        """All of the project's source."""
        return self._project.sources

    @property
    def facts(self) -> Facts:
        """What importing has shown; empty where the project was not imported."""
        return self._project.facts

    def node(self, node: ast.AST, kind: type[Kind]) -> Kind:
        """Return the node of libcst's tree that a node is, to look at: comments, say.

        Raises:
            LeftAlone: there is none.
        """
        return self._original.find(node, kind)

    def statement(self, node: ast.AST) -> Statement:
        """Return the statement of libcst's tree that a node is, or stands in."""
        return self._original.statement(node)

    def change(self, node: ast.AST, kind: type[cst.CSTNode], change: Change) -> None:
        """Note that a node becomes what ``change`` makes of it; ``kind`` is what it is in libcst's tree."""
        self.edits.edits.append(Edit(self._original.find(node, kind), change))

    def change_statement(self, node: ast.AST, change: Change) -> None:
        """Note that the statement that a node is, or stands in, becomes what ``change`` makes of it."""
        self.edits.edits.append(Edit(self._original.statement(node), change))

    def is_changed(self, node: ast.AST, kind: type[cst.CSTNode]) -> bool:
        """Tell whether a change of a node has been noted."""
        found = self._original.find(node, kind)
        return any(each.node is found for each in self.edits.edits)

    def has_insertion(self, beside: Statement) -> bool:
        """Tell whether something has been put beside a statement."""
        return any(each.node is beside and (each.before or each.after) for each in self.edits.edits)

    def insert(
        self, beside: Statement, *, before: tuple[Statement, ...] = (), after: tuple[Statement, ...] = ()
    ) -> None:
        """Note that statements are put before or after one."""
        self.edits.edits.append(Edit(beside, before=before, after=after))

    def set_off(self, node: ast.AST) -> None:
        """Note that a statement has a line free above it, at least."""
        found = self.statement(node)
        if not found.leading_lines:
            free = [cst.EmptyLine(indent=False)]
            self.change_statement(node, lambda each: each.with_changes(leading_lines=free))

    def remove(self, node: ast.AST) -> None:
        """Note that a simple statement goes; its comments stay, above the next statement.

        Raises:
            LeftAlone: another statement is on its line, or none is left in its block.
        """
        self.edits.edits.append(Edit(self._removable(node), removed=True))

    def take_out(self, node: ast.AST) -> cst.SimpleStatementLine:
        """Note that a simple statement goes, and return it: it is put elsewhere, with its comments.

        Raises:
            LeftAlone: another statement is on its line, or none is left in its block.
        """
        found = self._removable(node)
        self.edits.edits.append(Edit(found, removed=True, moved=True))
        return found

    def _removable(self, node: ast.AST) -> cst.SimpleStatementLine:
        found = self.statement(node)
        if not isinstance(found, cst.SimpleStatementLine) or len(found.body) > 1:
            raise LeftAlone("another statement is on the same line")
        block = self._original.parents[found]
        if not isinstance(block, cst.Module | cst.IndentedBlock) or len(block.body) == 1:
            raise LeftAlone("nothing would be left in the block that it is in")
        return found

    def name(self, source: str, name: str, beside: ast.AST) -> str:
        """Return how to name something beside a node: ``name("django.db", "transaction", node)`` is
        ``transaction``, or what the module calls it. It is imported at the top where it is not yet.

        Raises:
            LeftAlone: the name means something else there.
        """
        known = free_name(self.module, NewImport(source, name), beside)
        if known:
            return known
        self.edits.imports.append(NewImport(source, name))
        return name or source

    def free(self, node: ast.Name) -> None:
        """Note that a name is no longer used here: its import goes if nothing else uses it."""
        self.edits.freed.append((node.lineno, node.col_offset))

    def create(self, path: Path, text: str) -> None:
        """Note that another file is written, with line ends as they are in ``text``."""
        self.edits.created[path] = text

    def same(self, finding: Finding, node: ast.AST) -> bool:
        """Tell whether a node is at the place of a finding."""
        return self.module.place(node) == finding.place

    def text(self) -> str:
        """Return the file with everything noted done.

        Raises:
            LeftAlone: that would be no Python.
        """
        tree = done(self._original, self.edits.edits)
        tree = without_unused(tree, self.module, set(self.edits.freed))
        text = with_imports(tree, self.edits.imports, self._is_own).code
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise LeftAlone(f"what came of it is no Python, which is an error of hybrid's: {error}") from None
        return text

    def raw(self) -> bytes:
        """Return the same as the file has it: its encoding, and its byte order mark.

        Raises:
            LeftAlone: that would be no Python, or the encoding lacks a character of it.
        """
        return self._original.written.bytes_of(self.text())

    def _is_own(self, source: str) -> bool:
        return self.sources.find(source) is not None

    @property
    def newline(self) -> str:
        """How lines of the file end."""
        return self._original.tree.default_newline

    @property
    def raw_before(self) -> bytes:
        """The file as it was read."""
        return self._original.written.raw
