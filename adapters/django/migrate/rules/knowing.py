"""What rules ask of source: whether something is a request, is awaited, is guarded."""

import ast
from collections import deque
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.source.module import Function, SourceModule

_NAMES: Final = {"request", "req", "_request", "http_request", "django_request"}
_REQUESTS: Final = ("django.", "rest_framework.", "ninja.", "wagtail.")
#: Frameworks whose requests are not Django's: a module that imports one and nothing of Django is theirs.
_OTHERS: Final = (
    "aiohttp",
    "bottle",
    "falcon",
    "fastapi",
    "flask",
    "pyramid",
    "sanic",
    "starlette",
    "tornado",
)
_FOREIGN: Final = (*_OTHERS, "quart", "webob", "webtest", "werkzeug")
_BROAD: Final = {"", "Exception", "BaseException"}
_SUPPRESS: Final = "contextlib.suppress"
#: What takes an error by another name, apart from what takes everything.
_BASES: Final = {"KeyError": {"KeyError", "LookupError"}}


def is_request(module: SourceModule, node: ast.expr) -> bool:
    """Tell whether an expression is a request of Django's.

    By what it is called and where it comes from: a parameter, ``self.request``, ``context["request"]``, DRF's
    ``request._request``, or a local name for one of these. An annotation, or an import, may say otherwise.
    """
    if not _is_of_django(module):
        return False
    match node:
        case ast.Name(id=name):
            if name != "request" and has_other_requests(module):
                return False
            return name in _NAMES and not module.dotted(node) and _is_bound_to_request(module, node)
        case ast.Attribute(attr="request" | "_request"):
            return True
        case ast.Subscript(slice=ast.Constant(value="request")):
            return True
        case _:
            return False


def takes_request(module: SourceModule, function: Function | ast.Lambda) -> bool:
    """Tell whether a function's first argument, or that after ``self``, is a request."""
    return bool(request_parameter(module, function))


def request_parameter(module: SourceModule, function: Function | ast.Lambda) -> str:
    """Return the name of a function's first argument, or of that after ``self``, which is a request; ``""``
    where neither is.
    """
    if not _is_of_django(module):
        return ""
    found = (
        each.arg for each in function.args.args[:2] if each.arg in _NAMES and _is_annotated_so(module, each)
    )
    return next(found, "")


def parameter(function: Function | ast.Lambda, name: str) -> ast.arg | None:
    """Return a parameter of a function."""
    arguments = function.args
    all_of_them = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return next((each for each in all_of_them if each.arg == name), None)


def functions_around(module: SourceModule, node: ast.AST) -> Iterator[Function | ast.Lambda]:
    """Give the functions that a node is part of the body of, from the inside."""
    inside = module.function_of(node)
    while inside is not None:
        yield inside
        inside = module.function_of(inside)


def nodes_in(function: Function | ast.Lambda) -> Iterator[ast.AST]:
    """Give the nodes that run when a function does: not those of functions and classes within it."""
    waiting: deque[ast.AST] = deque(function.body if isinstance(function.body, list) else [function.body])
    while waiting:
        node = waiting.popleft()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def is_generator(function: Function) -> bool:
    """Tell whether calling a function runs nothing of it yet, because it has a ``yield``."""
    return any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in nodes_in(function))


def values_of(function: Function | ast.Lambda, name: str) -> list[ast.expr]:
    """Return what a local name is given in a function: by assignments, and by ``with … as``."""
    found: list[ast.expr] = []
    for node in nodes_in(function):
        match node:
            case ast.Assign(targets=targets, value=value) if any(_is_name(each, name) for each in targets):
                found.append(value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_name(target, name):
                found.append(value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=bound)) if bound == name:
                found.append(value)
            case ast.NamedExpr(target=target, value=value) if _is_name(target, name):
                found.append(value)
            case _:
                pass
    return found


def text_of(node: ast.AST | None) -> str:
    """Return the text that a node is; ``""`` for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def key_of(module: SourceModule, node: ast.AST | None) -> str:
    """Return the text that a node is, or that the constant of the module has which it names; ``""`` for
    anything else.
    """
    return module.texts.get(node.id, "") if isinstance(node, ast.Name) else text_of(node)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def is_awaited(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether an expression is what an ``await`` awaits."""
    return isinstance(module.parent(node), ast.Await)


def guarded_by(module: SourceModule, node: ast.AST, name: str, error: str) -> bool:
    """Tell whether code is ready for something not to be there.

    It stands in an ``if`` that asks for it: by text (``hasattr(request, "environ")``, ``"RAW_URI" in META``),
    by the kind of request (``isinstance(request, WSGIRequest)``), or by calling a function of that name; or
    in a ``try`` whose ``except`` names the error, or a ``with suppress(…)`` that does.
    """
    inside = node
    for above in module.ancestors(node):
        if isinstance(above, (ast.If, ast.IfExp)) and inside is not above.test and _asks(above.test, name):
            return True
        if isinstance(above, ast.BoolOp) and any(
            _asks(each, name) for each in above.values if each is not inside
        ):
            return True
        if isinstance(above, ast.Try) and inside in above.body and _catches(above, error):
            return True
        if isinstance(above, ast.With) and inside in above.body and _is_one(error, suppressed(module, above)):
            return True
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return _left_early(above, node, name)
        inside = above
    return False


def _left_early(function: Function, node: ast.AST, name: str) -> bool:
    """Tell whether a function has asked before, and ended: ``if not hasattr(…): return``."""
    line: int = getattr(node, "lineno", 0)
    return any(
        isinstance(each, ast.If)
        and each.lineno < line
        and isinstance(each.body[-1], (ast.Return, ast.Raise))
        and _asks(each.test, name)
        for each in function.body
    )


def _asks(test: ast.expr, name: str) -> bool:
    for each in ast.walk(test):
        if isinstance(each, ast.Constant) and each.value == name:
            return True
        if isinstance(each, ast.Call) and last_name(each.func) == name:
            return True
        if last_name(each) in ("WSGIRequest", "ASGIRequest", "WSGIHandler"):
            return True
    return False


def _catches(node: ast.Try, error: str) -> bool:
    return any(_is_one(error, names_caught(each)) for each in node.handlers)


def _is_one(error: str, names: set[str]) -> bool:
    return bool(_BASES.get(error, {error}) & names)


def suppressed(module: SourceModule, node: ast.With) -> set[str]:
    """Return the names of the errors that ``with suppress(…)`` takes; none for another ``with``."""
    return {
        last_name(error)
        for item in node.items
        if isinstance(item.context_expr, ast.Call) and module.called(item.context_expr) == _SUPPRESS
        for error in item.context_expr.args
    }


def names_caught(handler: ast.ExceptHandler) -> set[str]:
    """Return the names of what an ``except`` takes; ``""`` for one that takes everything."""
    match handler.type:
        case None:
            return {""}
        case ast.Tuple(elts=elements):
            return {last_name(each) for each in elements}
        case kind:
            return {last_name(kind)}


def takes_everything(handler: ast.ExceptHandler) -> bool:
    """Tell whether an ``except`` takes whatever is raised."""
    return bool(_BROAD.intersection(names_caught(handler)))


def last_name(node: ast.AST) -> str:
    """Return a name, or the last part of an attribute; ``?`` for anything else."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return "?"


def has_other_requests(module: SourceModule) -> bool:
    """Tell whether a module may have to do with requests that are not Django's, by what it imports."""
    return bool(_tops(module).intersection(_FOREIGN))


def _is_of_django(module: SourceModule) -> bool:
    """Tell whether a module's requests are Django's, by what it imports."""
    return bool(_tops(module).intersection(("django", "rest_framework"))) or not has_other_requests(module)


def _tops(module: SourceModule) -> set[str]:
    return {meant.partition(".")[0] for meant in module.imports.values()}


def _is_bound_to_request(module: SourceModule, node: ast.Name) -> bool:
    for function in functions_around(module, node):
        given = parameter(function, node.id)
        if given is not None:
            return _is_annotated_so(module, given)
        if isinstance(function, ast.Lambda):
            continue
        for each in ast.walk(function):
            if isinstance(each, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == node.id for target in each.targets
            ):
                value = each.value
                return not isinstance(value, ast.Name) and is_request(module, value)
    return False


def _is_annotated_so(module: SourceModule, given: ast.arg) -> bool:
    annotation = given.annotation
    if annotation is None:
        return True
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value.rpartition(".")[2].endswith("Request")
    dotted = module.dotted(annotation)
    own = f"{module.name.partition('.')[0]}."
    return not dotted or dotted.startswith((*_REQUESTS, own))
