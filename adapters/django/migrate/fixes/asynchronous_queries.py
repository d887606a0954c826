"""Queries that a coroutine runs, as asynchronous ones."""

import ast
from collections.abc import Iterator
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.fixes.awaiting import awaits
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.twin_versions import OBJECTS, QUERYSETS, check_version
from hybrid.adapters.django.migrate.rules.knowing import values_of
from hybrid.adapters.django.migrate.rules.querysets import LOOKS, MANAGERS, RUNS, SAVES
from hybrid.adapters.django.migrate.source.definitions import ClassAt

_NO_TWIN: Final = {"full_clean", "validate_unique"}
_ITERATOR: Final = "iterator"
_ELEMENT: Final = "each"
_LAZY: Final = "what its objects look up, such as foreign keys and related managers, is still synchronous"
_COMPREHENSIONS: Final[dict[type[ast.AST], type[cst.CSTNode]]] = {
    ast.ListComp: cst.ListComp,
    ast.SetComp: cst.SetComp,
    ast.DictComp: cst.DictComp,
}
_ASKED: Final = "aexists() is a query of its own where the objects are looked at as well"


def query_twin(draft: Draft, node: ast.expr) -> str:
    """Note the asynchronous twin of a query, and return what to know of it."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in RUNS or name in SAVES:
            return _method(draft, node, value, name)
        case ast.Call(func=ast.Name(id=name), args=[argument, *more], keywords=words) if name in LOOKS:
            return _look(draft, node, argument, alone=not more and not words)
        case ast.Subscript(slice=index) if not isinstance(index, ast.Slice):
            raise LeftAlone("an index has no asynchronous twin: use afirst(), or go through a slice")
        case _:
            return _place(draft, node)


def _method(draft: Draft, call: ast.Call, value: ast.expr, name: str) -> str:
    """``….get(…)`` becomes ``await ….aget(…)``."""
    if name in _NO_TWIN:
        raise LeftAlone(f"{name}() has no asynchronous twin: await sync_to_async(….{name})()")
    is_object = name in SAVES and isinstance(value, ast.Name)
    known = check_version(draft, OBJECTS if is_object else QUERYSETS, f"a{name}()")
    _check_chain(draft, value)
    _check_manager(draft, value, name)
    _rename(draft, call.func)
    awaits(draft, call)
    return known


def _rename(draft: Draft, function: ast.expr) -> None:
    """Put an ``a`` in front of the name of a method."""
    draft.change(
        function, cst.Attribute, lambda each: each.with_changes(attr=cst.Name(f"a{each.attr.value}"))
    )


def _look(draft: Draft, call: ast.Call, argument: ast.expr, *, alone: bool) -> str:
    """``list(…)`` becomes ``[each async for each in …]``, and other functions are given that."""
    function = call.func
    assert isinstance(function, ast.Name)
    name = function.id
    if draft.module.dotted(function) or any(
        each.id == name and not isinstance(each.ctx, ast.Load) for each in draft.module.nodes(ast.Name)
    ):
        raise LeftAlone(f"{name} means something else there")
    if name == "bool":
        raise LeftAlone("bool() of a query has no asynchronous twin: await ….aexists()")
    known = check_version(draft, QUERYSETS, "async for")
    _go_through(draft, argument)
    if name == "list" and alone:
        draft.change(call, cst.Call, lambda each: _listed(each.args[0].value, each))
    elif name == "set" and alone:
        draft.change(call, cst.Call, lambda each: _in_set(each.args[0].value, each))
    else:
        kind = _kind(argument)
        draft.change(argument, kind, lambda each: _listed(each, None))
    return "; ".join(filter(None, (known, _LAZY)))


def _listed(source: cst.BaseExpression, instead: cst.BaseExpression | None) -> cst.ListComp:
    """Return a list of what is in a query; ``instead`` is what it stands for, with its parentheses."""
    left, right = (instead.lpar, instead.rpar) if instead else ((), ())
    return cst.ListComp(cst.Name(_ELEMENT), _each_of(source), lpar=left, rpar=right)


def _in_set(source: cst.BaseExpression, instead: cst.BaseExpression) -> cst.SetComp:
    return cst.SetComp(cst.Name(_ELEMENT), _each_of(source), lpar=instead.lpar, rpar=instead.rpar)


def _each_of(source: cst.BaseExpression) -> cst.CompFor:
    return cst.CompFor(cst.Name(_ELEMENT), source, asynchronous=cst.Asynchronous())


def _place(draft: Draft, node: ast.expr) -> str:
    """A loop becomes ``async for``, and a condition asks whether there is something."""
    match draft.module.parent(node):
        case ast.For() as loop:
            known = check_version(draft, QUERYSETS, "async for")
            _go_through(draft, node)
            draft.change(loop, cst.For, lambda each: each.with_changes(asynchronous=cst.Asynchronous()))
            return "; ".join(filter(None, (known, _LAZY)))
        case ast.comprehension() as part:
            known = check_version(draft, QUERYSETS, "async for")
            _comprehension(draft, node, part)
            return "; ".join(filter(None, (known, _LAZY)))
        case _:
            known = check_version(draft, QUERYSETS, "aexists()")
            _check_chain(draft, node)
            draft.change(node, _kind(node), _exists)
            return "; ".join(filter(None, (known, _ASKED)))


def _exists(query: cst.BaseExpression) -> cst.BaseExpression:
    call = cst.Call(cst.Attribute(query.with_changes(lpar=(), rpar=()), cst.Name("aexists")))
    return cst.Await(call, lpar=query.lpar, rpar=query.rpar)


def _comprehension(draft: Draft, node: ast.expr, part: ast.comprehension) -> None:
    holder = draft.module.parent(part)
    kind = _COMPREHENSIONS.get(type(holder)) if holder is not None else None
    if kind is None or not isinstance(holder, (ast.ListComp, ast.SetComp, ast.DictComp)):
        raise LeftAlone("it is in a generator expression, which would become an asynchronous one")
    _go_through(draft, node)
    number = holder.generators.index(part)
    draft.change(holder, kind, lambda each: each.with_changes(for_in=_asynchronous(each.for_in, number)))


def _asynchronous(part: cst.CompFor, number: int) -> cst.CompFor:
    """Return the loops of a comprehension, of which one is asynchronous."""
    if number == 0:
        return part.with_changes(asynchronous=cst.Asynchronous())
    inner = part.inner_for_in
    assert inner is not None
    return part.with_changes(inner_for_in=_asynchronous(inner, number - 1))


def _go_through(draft: Draft, query: ast.expr) -> None:
    """Note that a query is gone through with ``async for``."""
    _check_chain(draft, query)
    match query:
        case ast.Call(func=ast.Attribute(attr=name)) if name == _ITERATOR:
            _rename(draft, query.func)
        case ast.Name() if any(name == _ITERATOR for name, _ in _first_steps(draft, query)):
            raise LeftAlone(f"{query.id} is an iterator() made before: make it an aiterator()")
        case _:
            pass


def _first_steps(draft: Draft, query: ast.Name) -> Iterator[tuple[str, ast.expr]]:
    function = draft.module.function_of(query)
    for value in values_of(function, query.id) if function is not None else ():
        match value:
            case ast.Call(func=ast.Attribute(value=inner, attr=name)):
                yield name, inner
            case _:
                pass


def _check_chain(draft: Draft, query: ast.expr) -> None:
    """Leave queries alone that are locked, or that are written in SQL."""
    steps = set(_steps(draft, query, set()))
    if "select_for_update" in steps:
        raise LeftAlone("the query locks rows, for which a coroutine has no transaction, see HM109")
    if "raw" in steps:
        raise LeftAlone("raw() gives nothing that can be gone through asynchronously")


def _steps(draft: Draft, query: ast.expr, seen: set[str]) -> Iterator[str]:
    """Give the methods by which a query came to be."""
    match query:
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            yield name
            yield from _steps(draft, value, seen)
        case ast.Subscript(value=value):
            yield from _steps(draft, value, seen)
        case ast.Name(id=name) if name not in seen:
            seen.add(name)
            function = draft.module.function_of(query)
            for value in values_of(function, name) if function is not None else ():
                yield from _steps(draft, value, seen)
        case _:
            pass


def _check_manager(draft: Draft, value: ast.expr, name: str) -> None:
    """Leave alone what a manager of the project does in its own way: the twin asks its queryset alone."""
    match value:
        case ast.Attribute(value=model, attr=attribute) if attribute in MANAGERS:
            module, definitions = draft.module, draft.sources.definitions
            owner = definitions.class_(module.dotted(model))
            for each in definitions.line(owner) if owner else ():
                manager = _manager_of(draft, each, attribute)
                if manager is not None and definitions.method(manager, name) is not None:
                    raise LeftAlone(f"{manager.symbol} has a {name}() of its own, which a{name}() goes past")
        case _:
            pass


def _manager_of(draft: Draft, owner: ClassAt, attribute: str) -> ClassAt | None:
    for node in owner.node.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=made)) if name == attribute:
                return draft.sources.definitions.class_(owner.module.dotted(made))
            case _:
                pass
    return None


def _kind(node: ast.expr) -> type[cst.CSTNode]:
    """Return what a query is in libcst's tree."""
    match node:
        case ast.Call():
            return cst.Call
        case ast.Subscript():
            return cst.Subscript
        case _:
            return cst.Name
