"""Who calls whom in a project, as far as its source tells.

Two answers for each function. What it *surely* leads to: names that stand for functions and classes of the
project, ``self.method``, methods of objects that are made on the spot. And what it *mentions*: every name and
attribute, by which anything of that name may be meant.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hybrid.adapters.django.migrate.source.definitions import ClassAt, Definitions, FunctionAt
from hybrid.adapters.django.migrate.source.module import SourceModule

_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
#: What making an object, or using it, calls by itself.
_MADE: Final = (
    "__new__",
    "__init__",
    "__call__",
    "__enter__",
    "__exit__",
    "__aenter__",
    "__aexit__",
    "__iter__",
)


@dataclass
class Body:
    """What one function, the statements of one class, or those of one module say.

    Attributes:
        leads: the functions that it surely may lead to, by symbol.
        names: every name, attribute and text that may be a name.
    """

    leads: set[str] = field(default_factory=set[str])
    names: set[str] = field(default_factory=set[str])


class Calls:
    """The calls of a project; each body is read when it is asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._bodies: dict[ast.AST, Body] = {}

    def of_function(self, function: FunctionAt) -> Body:
        """Return what a function says, its decorators and defaults among it."""
        owner = self.definitions.classes.get(function.in_class)
        return self._body(function.node, function.module, owner)

    def of_class(self, owner: ClassAt) -> Body:
        """Return what a class says outside of its methods."""
        return self._body(owner.node, owner.module, owner)

    def of_module(self, module: SourceModule) -> Body:
        """Return what a module says outside of functions and classes, imports aside."""
        return self._body(module.tree, module, None)

    def _body(self, node: ast.AST, module: SourceModule, owner: ClassAt | None) -> Body:
        found = self._bodies.get(node)
        if found is None:
            reader = _Reader(module, owner, self.definitions)
            found = self._bodies[node] = reader.read(node)
        return found


class _Reader:
    """Reads one body."""

    def __init__(self, module: SourceModule, owner: ClassAt | None, definitions: Definitions) -> None:
        self._module = module
        self._owner = owner
        self._definitions = definitions
        self._made: dict[str, str] = {}  # the classes of local names
        self.body = Body()

    def read(self, node: ast.AST) -> Body:
        nodes = list(_own_nodes(node))
        for each in nodes:
            if isinstance(each, ast.Assign):
                self._note_object(each)
        for each in nodes:
            self._note(each)
        return self.body

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name):
                self.body.names.add(name)
                self._note_meaning(self._module.dotted(node))
            case ast.Attribute(value=value, attr=name):
                self.body.names.add(name)
                self._note_meaning(self._module.dotted(node))
                self._note_method(value, name)
            case ast.Constant(value=str(text)) if len(text) < 200:
                self.body.names.update(each for each in text.split(".") if each.isidentifier())
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.body.leads.add(self._module.symbol(node))
            case _:
                pass

    def _note_meaning(self, dotted: str) -> None:
        if not dotted:
            return
        function = self._definitions.function(dotted)
        if function is not None:
            self.body.leads.add(function.symbol)
        elif (made := self._definitions.class_(dotted)) is not None:
            self._add_methods(made, *_MADE)

    def _note_method(self, value: ast.expr, name: str) -> None:
        owner: ClassAt | None = None
        match value:
            case ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super")):
                owner = self._owner
            case ast.Name(id=local) if local in self._made:
                owner = self._definitions.class_(self._made[local])
            case ast.Call(func=made):
                owner = self._definitions.class_(self._module.dotted(made))
            case _:
                pass
        if owner is not None:
            self._add_methods(owner, name)

    def _add_methods(self, owner: ClassAt, *names: str) -> None:
        found = (self._definitions.method(owner, each) for each in names)
        self.body.leads.update(each.symbol for each in found if each is not None)

    def _note_object(self, node: ast.Assign) -> None:
        """Note the class of a local name: ``mailer = Mailer(request)``."""
        if isinstance(node.value, ast.Call) and (made := self._module.dotted(node.value.func)):
            self._made.update({each.id: made for each in node.targets if isinstance(each, ast.Name)})


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Give what is in a definition, with nested functions themselves but not what is in them."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        each = waiting.pop()
        yield each
        if not isinstance(each, _DEFINITIONS):
            waiting.extend(ast.iter_child_nodes(each))
        else:  # part of what is around them
            waiting.extend(each.decorator_list)
