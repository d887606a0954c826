"""What is a query in source, and what runs one."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.findings import Confidence
from hybrid.adapters.django.migrate.rules.knowing import is_awaited, nodes_in
from hybrid.adapters.django.migrate.source.definitions import Definitions
from hybrid.adapters.django.migrate.source.module import Function, SourceModule

#: Methods of managers and querysets that go to the database at once.
RUNS: Final = {
    *(
        "aggregate",
        "bulk_create",
        "bulk_update",
        "contains",
        "count",
        "create",
        "delete",
        "earliest",
        "exists",
    ),
    *("explain", "first", "get", "get_or_create", "in_bulk", "last", "latest", "update", "update_or_create"),
}
#: Those that make another queryset.
CHAINS: Final = {
    *("alias", "all", "annotate", "complex_filter", "dates", "datetimes", "defer", "difference", "distinct"),
    *(
        "exclude",
        "extra",
        "filter",
        "intersection",
        "iterator",
        "none",
        "only",
        "order_by",
        "prefetch_related",
        "raw",
    ),
    *("reverse", "select_for_update", "select_related", "union", "using", "values", "values_list"),
}
#: Methods of a model's object that go to the database.
SAVES: Final = {"delete", "full_clean", "refresh_from_db", "save", "validate_unique"}
#: What runs a query by looking at what it gives.
LOOKS: Final = {
    "any",
    "all",
    "bool",
    "dict",
    "enumerate",
    "len",
    "list",
    "max",
    "min",
    "set",
    "sorted",
    "sum",
    "tuple",
}
MANAGERS: Final = {"objects", "_default_manager", "_base_manager"}
#: Functions of Django's that go to the database, with their asynchronous twins: since 5.0.
FUNCTIONS: Final = {
    "django.contrib.auth.authenticate": "aauthenticate",
    "django.contrib.auth.login": "alogin",
    "django.contrib.auth.logout": "alogout",
    "django.contrib.auth.update_session_auth_hash": "aupdate_session_auth_hash",
    "django.shortcuts.get_list_or_404": "aget_list_or_404",
    "django.shortcuts.get_object_or_404": "aget_object_or_404",
}
_MODEL: Final = ("django.db.models.Model", "django.db.models.base.Model")
_SURE: Final = (Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE)


class Queries:
    """The queries of one function, by the names of what they come from and of local variables."""

    def __init__(self, module: SourceModule, definitions: Definitions, function: Function) -> None:
        self._module = module
        self._definitions = definitions
        self._function = function
        self._nodes = list(nodes_in(function))
        self._querysets: dict[str, Confidence] = {}
        self._objects: dict[str, Confidence] = {}
        self._note_names()

    def run(self) -> Iterator[tuple[ast.expr, Confidence]]:
        """Give what goes to the database synchronously when the function runs."""
        for node in self._nodes:
            sure = self._sure_of(node)
            if sure is not None and isinstance(node, ast.expr):
                yield node, sure

    def is_queryset(self, node: ast.AST) -> Confidence | None:
        """Tell how sure it is that an expression is a queryset; None where it is none."""
        match node:
            case ast.Name(id=name):
                return self._querysets.get(name)
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in CHAINS:
                return self.is_queryset(value) or self._is_manager(value)
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self.is_queryset(value)
            case _:
                return None

    def _sure_of(self, node: ast.AST) -> Confidence | None:
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in RUNS:
                found = self.is_queryset(value) or self._is_manager(value)
                if found is None and name in SAVES and not is_awaited(self._module, node):
                    return self._is_object(value)
                return found if self._is_ours(found, node) else None
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in SAVES:
                return None if is_awaited(self._module, node) else self._is_object(value)
            case ast.Call(func=ast.Name(id=name), args=[argument, *_]) if name in LOOKS:
                return self.is_queryset(argument)
            case ast.Call() if (called := self._module.called(node)) in FUNCTIONS:
                is_shortcut = called.startswith("django.shortcuts.")  # others go where settings say
                return Confidence.CERTAIN if is_shortcut else Confidence.LIKELY
            case ast.Subscript(value=value, ctx=ast.Load()) if not isinstance(node.slice, ast.Slice):
                return self.is_queryset(value)
            case ast.Name() | ast.Call() | ast.Subscript():
                return self._sure_of_place(node)
            case _:
                return None

    def _sure_of_place(self, node: ast.expr) -> Confidence | None:
        """Tell of a queryset that a loop goes through, or a condition looks at."""
        above = self._module.parent(node)
        match above:
            case ast.For(iter=each) if each is node:
                return self.is_queryset(node)
            case ast.comprehension(iter=each, is_async=0) if each is node:
                return self.is_queryset(node)
            case ast.If(test=each) | ast.IfExp(test=each) | ast.While(test=each) if each is node:
                return self.is_queryset(node)
            case ast.UnaryOp(op=ast.Not()):
                return self.is_queryset(node)
            case _:
                return None

    def _is_ours(self, found: Confidence | None, node: ast.Call) -> bool:
        """Leave out what is awaited, unless the model is surely Django's: other libraries look the same."""
        return found is Confidence.CERTAIN or not is_awaited(self._module, node)

    def _is_manager(self, node: ast.expr) -> Confidence | None:
        match node:
            case ast.Attribute(value=model, attr=name) if name in MANAGERS:
                return is_model(self._module, self._definitions, model)
            case _:
                return None

    def _is_object(self, node: ast.expr) -> Confidence | None:
        return self._objects.get(node.id) if isinstance(node, ast.Name) else None

    def _note_names(self) -> None:
        """Note the local names that stand for querysets, and for objects of models; one that may also be
        something else is left out.
        """
        assigned: dict[str, list[ast.expr]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        assigned.setdefault(target.id, []).append(node.value)
        for name, values in assigned.items():
            querysets = [self.is_queryset(each) for each in values]
            self._note(self._querysets, name, querysets)
            self._note(self._objects, name, [self._made(each) for each in values])

    def _note(self, into: dict[str, Confidence], name: str, found: list[Confidence | None]) -> None:
        known = [each for each in found if each is not None]
        if known and len(known) == len(found):
            into[name] = max(known, key=_SURE.index)

    def _made(self, node: ast.expr) -> Confidence | None:
        """Tell of an object of a model: made here, or got from its manager."""
        match node:
            case ast.Await(
                value=ast.Call(func=ast.Attribute(value=value, attr="aget" | "acreate" | "afirst"))
            ):
                return self.is_queryset(value) or self._is_manager(value)
            case ast.Call(func=ast.Attribute(value=value, attr="get" | "create" | "first")):
                return self.is_queryset(value) or self._is_manager(value)
            case ast.Call(func=model):
                found = is_model(self._module, self._definitions, model)
                return found if found is Confidence.CERTAIN else None
            case _:
                return None


def is_model(module: SourceModule, definitions: Definitions, node: ast.expr) -> Confidence | None:
    """Tell how sure it is that an expression is a model of Django's.

    Certain where the project's own class has ``django.db.models.Model`` for a base, or it is one of Django's
    own; likely where it comes from a module ``models``; None where nothing says so.
    """
    if _is_user_model(module, node):
        return Confidence.CERTAIN
    dotted = definitions.resolve(module.dotted(node))
    owner = definitions.class_(dotted)
    if owner is not None:
        foreign = definitions.foreign_bases(owner)
        if any(each in _MODEL or _is_djangos(each) for each in foreign):
            return Confidence.CERTAIN
        return Confidence.LIKELY if any(".models." in each for each in foreign) else None
    if _is_djangos(dotted):
        return Confidence.CERTAIN
    return Confidence.LIKELY if ".models." in dotted else None


def _is_user_model(module: SourceModule, node: ast.expr) -> bool:
    """Tell whether an expression is ``get_user_model()``, or a name of the module for what that returns."""
    if isinstance(node, ast.Call):
        return module.called(node) == "django.contrib.auth.get_user_model"
    return isinstance(node, ast.Name) and any(
        isinstance(each, ast.Assign)
        and isinstance(each.value, ast.Call)
        and _is_user_model(module, each.value)
        and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
        for each in module.tree.body
    )


def _is_djangos(dotted: str) -> bool:
    return dotted.startswith("django.contrib.") and ".models." in dotted
