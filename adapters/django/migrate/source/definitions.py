"""What a project defines, by dotted name: functions, classes and their bases, through re-exports."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from hybrid.adapters.django.migrate.source.module import Function, SourceModule

_DEPTH: Final = 20  # re-exports and bases that go further go in circles


@dataclass(frozen=True, eq=False)
class FunctionAt:
    """A function or method, and where it is."""

    symbol: str
    module: SourceModule
    node: Function
    in_class: str = ""

    @property
    def is_async(self) -> bool:
        """Whether it is a coroutine function, or an asynchronous generator function."""
        return isinstance(self.node, ast.AsyncFunctionDef)


@dataclass(frozen=True, eq=False)
class ClassAt:
    """A class, where it is, its own methods, and what its bases stand for (``""`` for unknown ones)."""

    symbol: str
    module: SourceModule
    node: ast.ClassDef
    methods: dict[str, FunctionAt] = field(default_factory=dict[str, FunctionAt])
    bases: tuple[str, ...] = ()


class Definitions:
    """All that the modules of a project define.

    Attributes:
        functions, classes: by dotted name; of several with one name the first.
    """

    def __init__(self, modules: Iterable[SourceModule]) -> None:
        self.functions: dict[str, FunctionAt] = {}
        self.classes: dict[str, ClassAt] = {}
        self._modules = {each.name: each for each in modules}
        for module in self._modules.values():
            self._note(module)

    def resolve(self, dotted: str) -> str:
        """Return where a name is defined, through the imports of the modules between: ``shop.views.Cart`` may
        be ``shop.views.cart.Cart``. What the project does not define stays as it is.
        """
        for _ in range(_DEPTH):
            if not dotted or dotted in self.functions or dotted in self.classes:
                return dotted
            further = self._one_step(dotted)
            if further in ("", dotted):
                return dotted
            dotted = further
        return dotted

    def function(self, dotted: str) -> FunctionAt | None:
        """Return a function or a method, inherited ones too."""
        found = self.functions.get(dotted := self.resolve(dotted))
        if found is None and (owner := self.classes.get(self.resolve(dotted.rpartition(".")[0]))):
            found = self.method(owner, dotted.rpartition(".")[2])
        return found

    def class_(self, dotted: str) -> ClassAt | None:
        """Return a class."""
        return self.classes.get(self.resolve(dotted))

    def classes_of(self, module: SourceModule) -> Iterator[ClassAt]:
        """Give the classes of a module; of several with one name the first."""
        for node in module.nodes(ast.ClassDef):
            owner = self.classes.get(module.symbol(node))
            if owner is not None and owner.node is node:
                yield owner

    def line(self, owner: ClassAt) -> Iterator[ClassAt]:
        """Give a class and those of its bases that the project defines, nearest first."""
        seen, waiting = set[str](), [owner]
        while waiting:
            each = waiting.pop(0)
            if each.symbol not in seen:
                seen.add(each.symbol)
                yield each
                waiting.extend(filter(None, map(self.class_, each.bases)))

    def foreign_bases(self, owner: ClassAt) -> set[str]:
        """Return the bases, of the bases too, that the project does not define; ``""`` is an unknown one."""
        return {base for each in self.line(owner) for base in each.bases if self.class_(base) is None}

    def method(self, owner: ClassAt, name: str) -> FunctionAt | None:
        """Return what a class has as a method of this name, inherited or not."""
        return next((each.methods[name] for each in self.line(owner) if name in each.methods), None)

    def _note(self, module: SourceModule) -> None:
        for node in module.nodes(ast.ClassDef):
            symbol = module.symbol(node)
            bases = tuple(module.dotted(each) for each in node.bases)
            self.classes.setdefault(symbol, ClassAt(symbol, module, node, bases=bases))
        functions: Iterator[Function] = module.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        for function in functions:
            symbol, parent = module.symbol(function), module.parent(function)
            owner = self.classes.get(symbol.rpartition(".")[0]) if isinstance(parent, ast.ClassDef) else None
            found = FunctionAt(symbol, module, function, owner.symbol if owner else "")
            self.functions.setdefault(symbol, found)
            if owner is not None:
                owner.methods.setdefault(function.name, found)

    def _one_step(self, dotted: str) -> str:
        """Follow the import that a module has for the next part of a name."""
        name, rest = dotted, ""
        while name:
            module = self._modules.get(name)
            if module is not None:
                first, _, more = rest.partition(".")
                meant = module.imports.get(first, "")
                return f"{meant}.{more}" if meant and more else meant
            name, _, last = name.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return ""
