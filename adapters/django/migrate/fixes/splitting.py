"""A ``__call__`` of a MiddlewareMixin, as ``process_request`` and ``process_response``."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import libcst as cst

from hybrid.adapters.django.lanes.own_call import calls_super_init
from hybrid.adapters.django.migrate.fixes.capable import check_no_heirs, flag_of
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.mirroring import Statements, begun, block_of, without_docstring
from hybrid.adapters.django.migrate.source.definitions import ClassAt

_MIXIN: Final = "django.utils.deprecation.MiddlewareMixin"
_HOOKS: Final = {"__call__", "process_request", "process_response"}
_REMARK: Final = (
    "is asynchronous on ASGI from now on, and each of its two halves runs on the request's thread"
)
_FREE: Final = cst.EmptyLine(indent=False)


@dataclass(frozen=True)
class Halves:
    """A ``__call__`` around its ``response = self.get_response(request)``.

    Attributes:
        before, after: its statements, without a docstring.
        response: the name that is given; ``""`` where it is returned at once.
    """

    before: list[ast.stmt]
    after: list[ast.stmt]
    response: str

    @property
    def only_before(self) -> bool:
        """Whether nothing is done with the response."""
        match self.after:
            case []:
                return True
            case [ast.Return(value=ast.Name(id=name))]:
                return name == self.response
            case _:
                return False


def split(draft: Draft, owner: ClassAt) -> str:
    """Note that ``__call__`` becomes two methods, and return what to know of it."""
    _check_class(draft, owner)
    call = owner.methods.get("__call__")
    if call is None or not isinstance(call.node, ast.FunctionDef) or call.node.decorator_list:
        raise LeftAlone("it has no plain synchronous __call__() of its own")
    halves = _halves(draft, call.node)
    _check_halves(halves)
    value = flag_of(owner, "async_capable")
    if value is not None and value.value is False:
        draft.remove(value)
    draft.change(owner.node, cst.ClassDef, lambda each: _in_two(each, halves))
    return f"{owner.symbol} {_REMARK}"


def _check_class(draft: Draft, owner: ClassAt) -> None:
    definitions = draft.sources.definitions
    if definitions.foreign_bases(owner) != {_MIXIN}:
        raise LeftAlone(f"what {owner.node.name} inherits may do more than MiddlewareMixin does")
    check_no_heirs(draft, owner, _HOOKS)
    for each in definitions.line(owner):
        others = _HOOKS & each.methods.keys() - ({"__call__"} if each is owner else set())
        if others:
            raise LeftAlone(f"{each.symbol} has a {min(others)}() already")
        init = each.methods.get("__init__")
        if init is not None and not calls_super_init(init.node):
            raise LeftAlone(f"{init.symbol}() does not call super().__init__(get_response)")


def _halves(draft: Draft, call: ast.FunctionDef) -> Halves:
    """Take a ``__call__`` apart at the one place where it calls ``get_response``."""
    if len(call.args.args) != 2 or call.args.vararg or call.args.kwarg or call.args.kwonlyargs:
        raise LeftAlone("__call__() takes more than a request")
    block = block_of(draft.node(call, cst.FunctionDef))
    if any(isinstance(each, cst.SimpleStatementLine) and len(each.body) > 1 for each in block.body):
        raise LeftAlone("several statements are on one line")
    body = call.body[1:] if ast.get_docstring(call) is not None else call.body
    uses = [
        each for each in ast.walk(call) if isinstance(each, ast.Attribute) and each.attr == "get_response"
    ]
    if len(uses) != 1 or any(isinstance(each, ast.Name) and each.id == "super" for each in ast.walk(call)):
        raise LeftAlone("__call__() does not call self.get_response() just once")
    request = call.args.args[1].arg
    for at, node in enumerate(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made) if _is_it(made, request):
                return Halves(body[:at], body[at + 1 :], name)
            case ast.Return(value=ast.Call() as made) if _is_it(made, request):
                return Halves(body[:at], [], "")
            case _:
                pass
    raise LeftAlone("__call__() is not linear: self.get_response() is called in a block, or in an expression")


def _is_it(call: ast.Call, request: str) -> bool:
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="self"), attr="get_response"),
            args=[ast.Name(id=given)],
            keywords=[],
        ):
            return given == request
        case _:
            return False


def _check_halves(halves: Halves) -> None:
    """Leave alone what is kept from one half for the other, and what answers by itself."""
    kept = set(_bound(halves.before)) & set(_read(halves.after))
    if kept:
        raise LeftAlone(f"{min(kept)} is set before the response, and used after it")
    answers = [each for each in _inside(halves.before) if isinstance(each, ast.Return)]
    if any(each.value is None for each in answers):
        raise LeftAlone("it returns nothing for some requests")
    if answers and not halves.only_before:
        raise LeftAlone(
            f"line {answers[0].lineno} answers by itself, and process_response() would be given that"
        )
    if halves.after and not isinstance(halves.after[-1], ast.Return):
        raise LeftAlone("__call__() does not end with the response that it returns")
    if not halves.before and halves.only_before:
        raise LeftAlone("__call__() does nothing: it can go")


def _inside(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """Give what runs as part of statements: not what is in functions that they define."""
    waiting: list[ast.AST] = [*statements]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _bound(statements: list[ast.stmt]) -> Iterator[str]:
    for node in _inside(statements):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case _:
                pass


def _read(statements: list[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                yield node.id


def _in_two(node: cst.ClassDef, halves: Halves) -> cst.ClassDef:
    block = cst.ensure_type(node.body, cst.IndentedBlock)
    body = list[Any]()
    for each in block.body:
        if isinstance(each, cst.FunctionDef) and each.name.value == "__call__":
            body += _methods(each, halves)
        else:
            body.append(each)
    if not body[0].leading_lines or body[0].leading_lines[0].comment is None:
        body = begun(body)  # what has been first may have gone
    return node.with_changes(body=block.with_changes(body=body))


def _methods(call: cst.FunctionDef, halves: Halves) -> Iterator[cst.FunctionDef]:
    """Give the methods; what is written above the call of ``get_response`` goes to the second one."""
    body = list(block_of(call).body)
    rest = without_docstring(body)
    head = body[: len(body) - len(rest)]
    at = len(halves.before)
    before, middle, after = rest[:at], cst.ensure_type(rest[at], cst.SimpleStatementLine), rest[at + 1 :]
    lines, first = _comments(middle), True
    call = call.with_changes(returns=None)
    if before:
        footer = lines if halves.only_before else []
        yield _method(call, "process_request", [*head, *before], footer)
        first = False
    if not halves.only_before:
        parameter = cst.Param(cst.Name(halves.response), comma=cst.MaybeSentinel.DEFAULT)
        made = call.with_changes(
            params=call.params.with_changes(params=[*_spaced(call.params.params), parameter])
        )
        made = _method(
            made, "process_response", [*([] if before else head), *_with_lines(begun(after), lines)], []
        )
        yield made if first else made.with_changes(leading_lines=[_FREE])


def _spaced(params: Any) -> list[cst.Param]:
    """Return parameters behind which another one comes."""
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return [*params[:-1], params[-1].with_changes(comma=comma)]


def _comments(line: cst.SimpleStatementLine) -> list[cst.EmptyLine]:
    found = [each for each in line.leading_lines if each.comment]
    behind = line.trailing_whitespace.comment
    return [*found, cst.EmptyLine(comment=behind)] if behind else found


def _with_lines(body: Statements, lines: list[cst.EmptyLine]) -> Statements:
    first: Any = body[0]
    return [first.with_changes(leading_lines=[*lines, *first.leading_lines]), *body[1:]]


def _method(
    call: cst.FunctionDef, name: str, body: Statements, footer: list[cst.EmptyLine]
) -> cst.FunctionDef:
    block = block_of(call)
    new = block.with_changes(body=body, footer=[*block.footer, *footer] if footer else block.footer)
    return call.with_changes(name=cst.Name(name), body=new)
