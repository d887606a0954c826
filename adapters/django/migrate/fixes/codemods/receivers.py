"""HM103: a receiver of ``request_started`` can do without ``environ``, and takes whatever else is sent."""

import ast
from collections.abc import Iterator
from typing import Final

import libcst as cst

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.fixes.commas import between, new_last, no_longer_last
from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.registry import codemod
from hybrid.adapters.django.migrate.rules.receivers import needs_environ
from hybrid.adapters.django.migrate.source.module import Function, SourceModule

_NAME: Final = "environ"
_REST: Final = "kwargs"
_NONE: Final = cst.Name("None")


@codemod("HM103")
def environ_or_none(draft: Draft, finding: Finding) -> str:
    """Leave receivers alone that go on to use what they would not get: they would only fail a line later."""
    function = draft.module.defined_at(finding.place.line)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not needs_environ(function):
        raise LeftAlone("the receiver is no function that is defined there")
    _check(draft.module, function)
    draft.change(function, cst.FunctionDef, _relaxed)
    return ""


def _check(module: SourceModule, function: Function) -> None:
    arguments = function.args
    if any(each.arg == _NAME for each in arguments.posonlyargs):
        raise LeftAlone("environ is positional only, and signals are sent with names")
    names = [each.arg for each in arguments.args]
    if _NAME in names and len(names) - len(arguments.defaults) > names.index(_NAME) + 1:
        raise LeftAlone("a parameter behind environ has no default")
    if arguments.kwarg is None and any(
        each.arg == _REST for each in (*arguments.args, *arguments.kwonlyargs)
    ):
        raise LeftAlone("a parameter is called kwargs already")
    for use in _uses(module, function):
        if not _is_ready(module, function, use):
            raise LeftAlone(f"line {use.lineno} needs environ, which is not sent on ASGI: scope is")


def _uses(module: SourceModule, function: Function) -> Iterator[ast.Name]:
    for node in module.nodes(ast.Name):
        if node.id == _NAME and function in module.ancestors(node):
            yield node


def _is_ready(module: SourceModule, function: Function, use: ast.Name) -> bool:
    """Tell whether code knows that it may have None: it asks for that, or stands where that has been."""
    inside: ast.AST = use
    for above in module.ancestors(use):
        if isinstance(above, (ast.If, ast.IfExp)):
            if inside is above.test:
                return _only_asks(use, above.test)
            if _has(above.test) and inside in (above.body if isinstance(above, ast.If) else [above.body]):
                return True
        if isinstance(above, ast.BoolOp) and isinstance(above.op, ast.Or) and above.values[0] is use:
            return True
        if above is function:
            break
        inside = above
    return any(
        isinstance(each, ast.If)
        and _has_not(each.test)
        and each.lineno < use.lineno
        and isinstance(each.body[-1], ast.Return)
        for each in function.body
    )


def _only_asks(use: ast.Name, test: ast.expr) -> bool:
    """Tell whether a use in a test is no more than asking, or behind that: ``environ and environ[…]``."""
    match test:
        case ast.BoolOp(op=ast.And(), values=[first, *_]):
            return _has(first)
        case _:
            return _has(test) or _has_not(test)


def _has(test: ast.expr) -> bool:
    """Tell whether a test holds only where there is an environ."""
    match test:
        case ast.Name(id="environ"):
            return True
        case ast.Compare(
            left=ast.Name(id="environ"), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]
        ):
            return True
        case ast.BoolOp(op=ast.And(), values=values):
            return any(map(_has, values))
        case _:
            return False


def _has_not(test: ast.expr) -> bool:
    """Tell whether a test holds wherever there is none."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id="environ")):
            return True
        case ast.Compare(left=ast.Name(id="environ"), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return True
        case _:
            return False


def _relaxed(function: cst.FunctionDef) -> cst.FunctionDef:
    """Return a function whose ``environ`` is None without one, and which takes anything else."""
    given = function.params
    changed = given.with_changes(
        params=[_optional(each) for each in given.params],
        kwonly_params=[_optional(each) for each in given.kwonly_params],
    )
    if given.star_kwarg is None:
        changed = _with_rest(changed, function.whitespace_before_params)
    return function.with_changes(params=changed)


def _optional(parameter: cst.Param) -> cst.Param:
    if parameter.name.value != _NAME or parameter.default is not None:
        return parameter
    space = cst.SimpleWhitespace(" " if parameter.annotation else "")
    equal = cst.AssignEqual(whitespace_before=space, whitespace_after=space)
    annotation = _or_none(parameter.annotation)
    return parameter.with_changes(default=_NONE, equal=equal, annotation=annotation)


def _or_none(annotation: cst.Annotation | None) -> cst.Annotation | None:
    """Return an annotation that allows for None, where that is plain to see how."""
    match annotation:
        case cst.Annotation(annotation=cst.Name("Any" | "object")):
            return annotation
        case cst.Annotation(annotation=cst.Name() | cst.Attribute() | cst.Subscript() as kind):
            if "None" in (text := cst.Module([]).code_for_node(kind)) or "Optional" in text:
                return annotation
            union = cst.BinaryOperation(kind, cst.BitOr(), _NONE)
            return annotation.with_changes(annotation=union)
        case cst.Annotation(annotation=cst.SimpleString() as kind) if "None" not in kind.value:
            quote = kind.quote
            text = f"{kind.value[: -len(quote)]} | None{quote}"
            return annotation.with_changes(annotation=kind.with_changes(value=text))
        case _:
            return annotation


def _with_rest(given: cst.Parameters, opening: cst.BaseParenthesizableWhitespace) -> cst.Parameters:
    """Add ``**kwargs``, on its own line where the others have theirs."""
    ordered = [*given.posonly_params, *given.params]
    ordered += [given.star_arg] if isinstance(given.star_arg, cst.Param) else []
    ordered += given.kwonly_params
    last = ordered[-1]
    comma = between(ordered[0].comma if len(ordered) > 1 else cst.MaybeSentinel.DEFAULT, opening)
    rest = cst.Param(
        cst.Name(_REST), comma=new_last(last.comma), whitespace_after_param=last.whitespace_after_param
    )
    plain = last.with_changes(
        comma=no_longer_last(last.comma, comma), whitespace_after_param=cst.SimpleWhitespace("")
    )
    changed = given.deep_replace(last, plain)
    assert isinstance(changed, cst.Parameters)
    return changed.with_changes(star_kwarg=rest)
