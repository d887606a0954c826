"""A class of middleware that is both: synchronous, and asynchronous around what is."""

import ast

import libcst as cst

from hybrid.adapters.django.migrate.fixes.awaiting import awaitable_calls
from hybrid.adapters.django.migrate.fixes.capable import check_no_heirs, flag_of
from hybrid.adapters.django.migrate.fixes.class_bodies import with_attributes
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.mirroring import begun, block_of, mirrored, without_docstring
from hybrid.adapters.django.migrate.fixes.waiting import Waiting
from hybrid.adapters.django.migrate.source.definitions import ClassAt
from hybrid.adapters.django.migrate.source.module import Function

_ASYNC_CALL = "__acall__"
_REMARK = "is asynchronous where what is inside of it is: __acall__ has to stay what __call__ is"


def dual_class(draft: Draft, owner: ClassAt) -> str:
    """Note that a class gets an asynchronous ``__acall__``, and return what to know of it."""
    if not all(isinstance(each, ast.Name) and each.id == "object" for each in owner.node.bases):
        raise LeftAlone(f"what {owner.node.name} inherits may do more")
    if owner.node.decorator_list or owner.node.keywords:
        raise LeftAlone("a decorator, or a metaclass, may make something else of the class")
    check_no_heirs(draft, owner, {"__init__", "__call__"})
    init, call = _method(owner, "__init__"), _method(owner, "__call__")
    attribute = _attribute(init)
    _check_call(draft, owner, init, call, attribute)
    flags = {name: flag_of(owner, name) for name in ("sync_capable", "async_capable")}
    names = [
        draft.name("asgiref.sync", each, owner.node)
        for each in ("iscoroutinefunction", "markcoroutinefunction")
    ]
    new = _New(attribute, call.args.args[1].arg, names[0], names[1])
    missing = [f"{name} = True" for name, value in flags.items() if value is None]
    for value in flags.values():
        if value is not None and value.value is False:
            draft.change(value, cst.Name, lambda each: each.with_changes(value="True"))
    draft.change(owner.node, cst.ClassDef, lambda each: new.class_(each, missing))
    return f"{owner.symbol} {_REMARK}"


def _method(owner: ClassAt, name: str) -> ast.FunctionDef:
    found = owner.methods.get(name)
    if found is None or not isinstance(found.node, ast.FunctionDef):
        raise LeftAlone(f"it has no {name}() of its own that is synchronous")
    if found.node.decorator_list:
        raise LeftAlone(f"a decorator may make something else of {name}()")
    return found.node


def _attribute(init: ast.FunctionDef) -> str:
    """Return the attribute in which it keeps what is inside of it."""
    if len(init.args.args) >= 2:
        given = init.args.args[1].arg
        for node in init.body:
            match node:
                case ast.Assign(
                    targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=ast.Name(id=value)
                ) if value == given:
                    return name
                case _:
                    pass
    raise LeftAlone("its __init__() does not keep get_response in a plain way")


def _check_call(draft: Draft, owner: ClassAt, init: Function, call: Function, attribute: str) -> None:
    """Leave alone what would not be the same when it is written a second time, with ``await``."""
    module = draft.module
    if len(call.args.args) != 2 or call.args.vararg or call.args.kwarg or call.args.kwonlyargs:
        raise LeftAlone("__call__() takes more than a request")
    uses = (
        node
        for node in ast.walk(owner.node)
        if isinstance(node, ast.Attribute) and node.attr == attribute and node not in _within(init)
    )
    passed = awaitable_calls(module, uses, call, f"{attribute} other than to call it in __call__()")
    if not passed:
        raise LeftAlone(f"its __call__() does not call {attribute}")
    Waiting(draft.sources, passed).check(module, call, owner)


def _within(function: Function) -> set[ast.AST]:
    return set(ast.walk(function))


class _New:
    """Writes the class.

    Args:
        attribute: that it keeps ``get_response`` in.
        request: the parameter of ``__call__``.
        asks, marks: what ``iscoroutinefunction`` and ``markcoroutinefunction`` are called.
    """

    def __init__(self, attribute: str, request: str, asks: str, marks: str) -> None:
        self._inner = cst.Attribute(cst.Name("self"), cst.Name(attribute))
        self._marking = cst.parse_statement(f"if {asks}(self.{attribute}):\n    {marks}(self)\n")
        self._asking = cst.parse_statement(f"if {asks}(self):\n    return self.{_ASYNC_CALL}({request})\n")

    def class_(self, node: cst.ClassDef, missing: list[str]) -> cst.ClassDef:
        block = cst.ensure_type(node.body, cst.IndentedBlock)
        body = [made for each in block.body for made in self._statement(each)]
        node = node.with_changes(body=block.with_changes(body=body))
        return with_attributes(node, missing) if missing else node

    def _statement(self, node: cst.BaseStatement) -> list[cst.BaseStatement]:
        match node:
            case cst.FunctionDef(name=cst.Name(value="__init__")):
                return [self._init(node)]
            case cst.FunctionDef(name=cst.Name(value="__call__")):
                return [self._call(node), self._async_call(node)]
            case _:
                return [node]

    def _init(self, node: cst.FunctionDef) -> cst.FunctionDef:
        block = block_of(node)
        body = list(block.body)
        at = next(at for at, each in enumerate(body) if self._keeps(each))
        body.insert(at + 1, self._marking)
        return node.with_changes(body=block.with_changes(body=body))

    def _keeps(self, node: cst.BaseStatement) -> bool:
        match node:
            case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=target)]), *_]):
                return target.deep_equals(self._inner)
            case _:
                return False

    def _call(self, node: cst.FunctionDef) -> cst.FunctionDef:
        block = block_of(node)
        body = list(block.body)
        at = len(body) - len(without_docstring(body))
        body.insert(at, self._asking)
        return node.with_changes(body=block.with_changes(body=body))

    def _async_call(self, node: cst.FunctionDef) -> cst.FunctionDef:
        made = mirrored(node, self._inner, _ASYNC_CALL)
        block = block_of(made)
        body = begun(without_docstring(list(block.body)))
        return made.with_changes(
            body=block.with_changes(body=body), leading_lines=[cst.EmptyLine(indent=False)]
        )
