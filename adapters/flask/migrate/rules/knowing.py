"""What rules ask of the source of a Flask application: whether something runs for a request, or at import."""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from hybrid.adapters.django.migrate.findings import Place
from hybrid.adapters.django.migrate.rules.knowing import functions_around, guarded_by, last_name, nodes_in
from hybrid.adapters.django.migrate.source.module import Function, SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

#: Proxies that only have something behind them during a request.
_IN_REQUEST: Final = {"flask.request", "flask.session", "flask.globals.request", "flask.globals.session"}
#: Proxies that have something of a request.
_OF_REQUEST: Final = {*_IN_REQUEST, "flask.g", "flask.globals.g"}
_VERBS: Final = {"delete", "get", "patch", "post", "put"}
#: Decorators of the application, and of blueprints, whose functions run for requests.
_HOOKS: Final = {
    *(
        "after_app_request",
        "after_request",
        "app_context_processor",
        "app_errorhandler",
        "before_app_request",
    ),
    *("before_request", "context_processor", "errorhandler", "teardown_app_request", "teardown_request"),
    *("url_value_preprocessor", "app_url_value_preprocessor"),
}
_CLASSES: Final = ("MethodView", "Resource", "View")
_CLASS_METHODS: Final = {*_VERBS, "head", "options", "dispatch_request"}
#: What is in the names of locks.
_LOCKS: Final = ("lock", "mutex", "semaphore", "guard", "condition")
#: What makes a factory: it runs once, when the application is made.
_FACTORIES: Final = ("create_app", "make_app", "init_app", "create_application", "build_app", "app_factory")


def is_view(module: SourceModule, function: Function | ast.Lambda) -> bool:
    """Tell whether a function is a view, by its decorator, or a method of a class of views."""
    if isinstance(function, ast.Lambda):
        return False
    if any(_is_route(each) for each in function.decorator_list):
        return True
    owner = module.parent(function)
    return (
        isinstance(owner, ast.ClassDef)
        and function.name in _CLASS_METHODS
        and any(last_name(base).endswith(_CLASSES) for base in owner.bases)
    )


def _is_route(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=ast.Attribute(attr="route")):
            return True
        case ast.Call(func=ast.Attribute(attr=verb), args=[ast.Constant(value=str(path)), *_]):
            return verb in _VERBS and path.startswith("/")
        case _:
            return False


def in_request(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether a node surely runs for requests: in a view, in a hook, or in a function that uses
    ``flask.request`` or ``session``. Commands have ``g`` as well, and may make a request themselves.
    """
    return any(
        is_view(module, each) or _is_hook(each) or _uses_request(module, each)
        for each in functions_around(module, node)
    )


def _is_hook(function: Function | ast.Lambda) -> bool:
    decorators = [] if isinstance(function, ast.Lambda) else function.decorator_list
    return any(last_name(each.func if isinstance(each, ast.Call) else each) in _HOOKS for each in decorators)


@lru_cache(maxsize=4096)
def _uses_request(module: SourceModule, function: Function | ast.Lambda) -> bool:
    nodes = list(nodes_in(function))
    if any(isinstance(each, ast.Attribute) and each.attr == "test_request_context" for each in nodes):
        return False
    return any(isinstance(each, ast.Name) and module.dotted(each) in _IN_REQUEST for each in nodes)


def of_request(module: SourceModule, node: ast.expr) -> bool:
    """Tell whether an expression is one of the proxies of a request."""
    return module.dotted(node) in _OF_REQUEST


def mentions_request(module: SourceModule, value: ast.AST) -> bool:
    """Tell whether one of these proxies, or what is kept of one, is part of an expression."""
    return any(
        isinstance(each, (ast.Name, ast.Attribute)) and of_request(module, each) for each in ast.walk(value)
    )


def runs_at_import(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether a node runs when the module is imported by a server: at its top, or in a class's body; not
    below ``if __name__ == "__main__"``, nor below ``if TYPE_CHECKING``.
    """
    if module.function_of(node) is not None:
        return False
    return not any(
        isinstance(above, ast.If) and _is_of_script(above.test) for above in module.ancestors(node)
    )


def in_factory(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether a node is part of a function that makes the application."""
    return any(
        not isinstance(each, ast.Lambda) and each.name.startswith(_FACTORIES)
        for each in functions_around(module, node)
    )


def _is_of_script(test: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Name) and each.id in ("__name__", "TYPE_CHECKING") for each in ast.walk(test)
    )


def module_values(module: SourceModule) -> Iterator[tuple[str, ast.expr, ast.stmt]]:
    """Give the names that the top of a module assigns, each with its value and statement."""
    found: Iterator[ast.Assign | ast.AnnAssign] = module.nodes(ast.Assign, ast.AnnAssign)
    for node in found:
        if module.function_of(node) is None and module.class_of(node) is None and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value, node


def uses_in_functions(module: SourceModule, name: str) -> Iterator[ast.Name]:
    """Give the places in functions where a name of the module is read, unless it is one of their own."""
    for node in module.nodes(ast.Name):
        if node.id == name and isinstance(node.ctx, ast.Load):
            if module.function_of(node) is not None and not is_local(module, node, name):
                yield node


def is_local(module: SourceModule, node: ast.AST, name: str) -> bool:
    """Tell whether a name means something of the functions around a node, and not what the module has."""
    return any(_binds(each, name) for each in functions_around(module, node))


def _binds(function: Function | ast.Lambda, name: str) -> bool:
    """Tell whether a function has a name for itself."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each]
    if any(each.arg == name for each in every):
        return True
    body = list(nodes_in(function))
    if any(isinstance(each, ast.Global) and name in each.names for each in body):
        return False
    return any(_is_bound(each, name) for each in body)


def _is_bound(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Name(id=bound, ctx=ast.Store()):
            return bound == name
        case ast.alias():
            return (node.asname or node.name) == name
        case _:
            return False


def expects(module: SourceModule, node: ast.AST, name: str, error: str) -> bool:
    """Tell whether code is ready for an error, or asks before; also where it expects any error at all."""
    return any(guarded_by(module, node, name, each) for each in (error, "Exception", "BaseException", ""))


def is_locked(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether a node runs while a lock is held, by the name of what ``with`` is given."""
    return any(
        any(each in ast.dump(item.context_expr).lower() for each in _LOCKS)
        for above in module.ancestors(node)
        if isinstance(above, (ast.With, ast.AsyncWith))
        for item in above.items
    )


def makes_application(module: SourceModule) -> bool:
    """Tell whether a module makes a Flask object, or has the name that servers look for."""
    return any(
        name in {"app", "application"}
        or (isinstance(value, ast.Call) and module.called(value) == "flask.Flask")
        for name, value, _ in module_values(module)
    )


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword argument."""
    return next((each.value for each in call.keywords if each.arg == name), None)


def is_constant(node: ast.AST | None, value: object) -> bool:
    """Tell whether a node is this constant."""
    return isinstance(node, ast.Constant) and node.value is value


def place_of(sources: Sources, names: Iterable[str]) -> Place | None:
    """Return the first place where one of some dotted names is called, tests aside."""
    for module in sources.modules:
        if not sources.is_test(module):
            for call in module.calls_of(names):
                return module.place(call)
    return None
