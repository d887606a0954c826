"""One module of a project: its tree, and what the names in it mean."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar, cast

from hybrid.adapters.django.migrate.findings import Place

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.Module

_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Module)


@dataclass
class Index:
    """What a walk through a tree has noted.

    Attributes:
        by_type: the nodes of each type, in the order of the source.
        parents: what each node stands in.
        local_imports: what imports make of names, by the function or class that they are in.
        hidden: imported names that something else has in a function, a lambda or a comprehension.
        inner: the names of both: what any other name stands for, the module's own scope says.
    """

    by_type: dict[type[ast.AST], list[ast.AST]] = field(
        default_factory=lambda: defaultdict[type[ast.AST], list[ast.AST]](list)
    )
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict[ast.AST, ast.AST])
    local_imports: dict[ast.AST, dict[str, str]] = field(default_factory=dict[ast.AST, dict[str, str]])
    hidden: dict[ast.AST, set[str]] = field(default_factory=dict[ast.AST, set[str]])
    inner: set[str] = field(default_factory=set[str])


@dataclass(eq=False)
class SourceModule:
    """A module, read and indexed once; rules ask it.

    Attributes:
        name: dotted; ``""`` for a script that is in no package.
        path: of the file.
        shown: how reports name the file.
        text: the source.
        tree: its syntax tree.
        imports: what names of the module's scope stand for, dotted: ``{"np": "numpy"}``. Of
            ``try: … except ImportError: …`` the first import counts, as ``try`` wants it. Imports inside
            functions are seen by :meth:`dotted` too.
        index: for the methods here.
    """

    name: str
    path: Path
    shown: str
    text: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict[str, str])
    index: Index = field(default_factory=Index, repr=False)

    def nodes(self, *kinds: type[Node]) -> Iterator[Node]:
        """Give the nodes of these types, in the order of the source within each type."""
        for kind in kinds:
            yield from cast("list[Node]", self.index.by_type.get(kind, []))

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node that a node stands in."""
        return self.index.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give the nodes that a node stands in, from the inside."""
        above = self.index.parents.get(node)
        while above is not None:
            yield above
            above = self.index.parents.get(above)

    def function_of(self, node: ast.AST) -> Function | ast.Lambda | None:
        """Return the innermost function whose body a node is part of; a function is not in itself, nor are
        its decorators and defaults.
        """
        inside = node
        for above in self.ancestors(node):
            if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if inside in above.body:
                    return above
            elif isinstance(above, ast.Lambda) and inside is above.body:
                return above
            inside = above
        return None

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class whose method, or attribute, a node is part of."""
        return next((each for each in self.ancestors(node) if isinstance(each, ast.ClassDef)), None)

    def is_async(self, node: ast.AST) -> bool:
        """Tell whether a node runs as part of a coroutine function."""
        return isinstance(self.function_of(node), ast.AsyncFunctionDef)

    def symbol(self, node: ast.AST) -> str:
        """Return the dotted name of what a node is, or stands in: ``shop.views.Cart.get``."""
        names = [
            each.name
            for each in (node, *self.ancestors(node))
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        ]
        return ".".join([self.name or self.path.stem, *reversed(names)])

    def place(self, node: ast.AST) -> Place:
        """Return where a node is."""
        line: int = getattr(node, "lineno", 1)
        return Place(self.shown, line, getattr(node, "end_lineno", None) or line, self.symbol(node))

    def defined_at(self, line: int) -> Function | ast.ClassDef | None:
        """Return the function or class that begins on a line: with its decorators, or after them."""
        found: Iterator[Function | ast.ClassDef] = self.nodes(
            ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
        )
        return next((each for each in found if first_line(each) <= line <= each.lineno), None)

    def dotted(self, node: ast.AST) -> str:
        """Return what a name or an attribute of one stands for, by the imports that it can see; ``""`` where
        that is not known. What the module defines itself has the module's name in front.
        """
        match node:
            case ast.Name(id=name):
                return self._name(name, node)
            case ast.Attribute(value=value, attr=attribute):
                return f"{base}.{attribute}" if (base := self.dotted(value)) else ""
            case _:
                return ""

    def decorators(self, node: Function | ast.ClassDef) -> list[str]:
        """Return the dotted names of what decorates a definition, the outermost first; ``""`` for unknown."""
        targets = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
        return [self.dotted(each) for each in targets]

    def called(self, call: ast.Call) -> str:
        """Return the dotted name of what is called; ``""`` where that is not known."""
        return self.dotted(call.func)

    @cached_property
    def calls(self) -> Mapping[str, list[ast.Call]]:
        """The calls by the dotted name of what is called, where that is known."""
        found: dict[str, list[ast.Call]] = {}
        for call in self.nodes(ast.Call):
            if called := self.called(call):
                found.setdefault(called, []).append(call)
        return found

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The constants of the module that are text: names that it gives one, and that nothing in it binds to
        anything else, in whichever scope.
        """
        bound = Counter(name for _, name in _bound(self))
        imported = {*self.imports}.union(*self.index.local_imports.values())
        found: dict[str, str] = {}
        for node in self.tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as text))
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() as text))
                ) if bound[name] == 1 and name not in imported:
                    found[name] = text
                case _:
                    pass
        return found

    def calls_of(self, names: Iterable[str]) -> Iterator[ast.Call]:
        """Give the calls of what has one of these dotted names, in the order of the source: names may come
        in a set, whose order is another in each run.
        """
        found = (call for name in names for call in self.calls.get(name, ()))
        yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))

    def meant_by(self, node: ast.ImportFrom, name: str) -> str:
        """Return what a name that is imported stands for, absolute."""
        return ".".join(filter(None, (_source_of(self, node), name)))

    def segment(self, node: ast.AST) -> str:
        """Return the source of a node, in one line."""
        return " ".join((ast.get_source_segment(self.text, node) or "").split())

    def _name(self, name: str, node: ast.AST) -> str:
        if name not in self.index.inner:
            return self.imports.get(name, "")
        inside = node
        for above in self.ancestors(node):
            found = self.index.local_imports.get(above, {}).get(name)
            if found is not None:
                return found
            if name in self.index.hidden.get(above, ()) and _is_body(above, inside):
                return ""
            inside = above
        return self.imports.get(name, "")


def first_line(node: Function | ast.ClassDef) -> int:
    """Return where a definition begins, with its decorators."""
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def read_module(path: Path, name: str, shown: str) -> SourceModule:
    """Read a module.

    Raises:
        SyntaxError: it is none of this Python.
        OSError, UnicodeDecodeError: it cannot be read.
    """
    text = path.read_text(encoding="utf-8-sig")
    module = SourceModule(name, path, shown, text, ast.parse(text, str(path)))
    _index(module)
    return module


def _index(module: SourceModule) -> None:
    """Note of each node what it stands in, and what imports and definitions make of names."""
    by_type, parents = module.index.by_type, module.index.parents
    waiting: list[ast.AST] = [module.tree]
    order: list[ast.AST] = []
    while waiting:
        node = waiting.pop()
        order.append(node)
        by_type[type(node)].append(node)
        children = _children(node)
        parents.update(dict.fromkeys(children, node))
        waiting.extend(reversed(children))
    for node in order:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            _note_import(module, node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if isinstance(parents.get(node), ast.Module):
                module.imports.setdefault(node.name, f"{module.name}.{node.name}")
    _note_hidden(module)
    module.index.inner.update(*module.index.local_imports.values(), *module.index.hidden.values())


def _note_hidden(module: SourceModule) -> None:
    """Note where a name that is imported, or defined by the module, is bound to something else."""
    names = {*module.imports}.union(*module.index.local_imports.values())
    outer: Iterator[ast.Global | ast.Nonlocal] = module.nodes(ast.Global, ast.Nonlocal)
    kept = {(module.function_of(node), name) for node in outer for name in node.names}
    for node, name in _bound(module):
        if name in names:
            scope = _binds(module, node)
            if scope is not None and (scope, name) not in kept:
                module.index.hidden.setdefault(scope, set()).add(name)


def _bound(module: SourceModule) -> Iterator[tuple[ast.AST, str]]:
    """Give what binds a name, other than imports, each with the name."""
    yield from ((each, each.id) for each in module.nodes(ast.Name) if isinstance(each.ctx, ast.Store))
    yield from ((each, each.arg) for each in module.nodes(ast.arg))
    definitions: Iterator[Function | ast.ClassDef] = module.nodes(
        ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
    )
    yield from ((each, each.name) for each in definitions)
    caught: Iterator[ast.ExceptHandler | ast.MatchAs | ast.MatchStar] = module.nodes(
        ast.ExceptHandler, ast.MatchAs, ast.MatchStar
    )
    yield from ((each, each.name or "") for each in caught)


def _binds(module: SourceModule, node: ast.AST) -> ast.AST | None:
    """Return the function, lambda or comprehension that binds a name; None for a class or the module."""
    for above in module.ancestors(node):
        if isinstance(above, ast.comprehension):
            return module.parent(above)
        if isinstance(above, _SCOPES):
            return None if isinstance(above, (ast.ClassDef, ast.Module)) else above
    return None


def _is_body(scope: ast.AST, node: ast.AST) -> bool:
    """Tell whether what stands right below a scope sees the names of it: a function's decorators and defaults
    do not.
    """
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node in scope.body
    return not isinstance(node, ast.arguments)


def _children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below one, but for contexts such as ``Load``, of which all nodes share one.

    As ``ast.iter_child_nodes``, in half its time, of which reading a project mostly consists.
    """
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [each for each in value if isinstance(each, ast.AST)]  # pyright: ignore[reportUnknownVariableType]
        elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
            found.append(value)
    return found


def _note_import(module: SourceModule, node: ast.Import | ast.ImportFrom) -> None:
    scope = next((each for each in module.ancestors(node) if isinstance(each, _SCOPES)), module.tree)
    names = module.imports
    if not isinstance(scope, ast.Module):
        names = module.index.local_imports.setdefault(scope, {})
    for alias in node.names:
        if isinstance(node, ast.Import):
            shown = alias.asname or alias.name.partition(".")[0]
            meant = alias.name if alias.asname else shown
        else:
            shown = alias.asname or alias.name
            meant = module.meant_by(node, alias.name)
        names.setdefault(shown, meant)  # the first of several is what `try` wants


def _source_of(module: SourceModule, node: ast.ImportFrom) -> str:
    """Return the module that names are imported from, absolute."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    if module.path.stem != "__init__":
        package = package[:-1]
    package = package[: len(package) - (node.level - 1)]
    return ".".join([*package, *([node.module] if node.module else [])])
