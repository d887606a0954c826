"""The WSGI application that ``--wsgi`` names, and of which framework it is. Nothing of Django is imported."""

import ast
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MethodType
from typing import Any, Final, cast

from hybrid.adapters.django.migrate.project.facts import Where
from hybrid.adapters.django.migrate.project.origins import dotted
from hybrid.adapters.django.migrate.project.unwrap import applications_of
from hybrid.bridge.errors import LoadError
from hybrid.bridge.targets import DEFAULT_FACTORIES, call_factory, load_target, parse_target

#: The classes by which an application is of a framework.
_CLASSES: Final = {
    "django.core.handlers.wsgi.WSGIHandler": "django",
    "flask.app.Flask": "flask",
}


def load_application(text: str) -> tuple[Any, str]:
    """Import an application, and return it with its full name.

    Args:
        text: ``module:attribute``, ``module``, or ``module:factory()``, with arguments that are written out.
            A factory by the names that Flask's command looks for is called without being told so.

    Raises:
        LoadError: there is none; what a module raises is its cause.
    """
    target, call = _taken_apart(text)
    try:
        found, name = load_target(parse_target(target))
    except LoadError as error:
        raise error.__cause__ or error from None  # with the place where it was raised
    if call is not None:
        positional, named = _arguments(text, call)
        return cast("Any", found)(*positional, **named), f"{name}()"
    if name.rpartition(".")[2].rpartition(":")[2] in DEFAULT_FACTORIES and not isinstance(found, type):
        return call_factory(found, name), f"{name}()"
    return found, name


def framework_of(application: Any) -> str:
    """Return the framework of an application, whatever is around it; ``""`` for one that is not known."""
    for each in through_mounts(application):
        for cls in type(each).__mro__:
            name = _CLASSES.get(f"{cls.__module__}.{cls.__qualname__}")
            if name is not None:
                return name
    return ""


def through_mounts(application: Any) -> Iterator[Any]:
    """Give an application, what it is around, and so on, and after all of these what is mounted in them."""
    layers = list(applications_of(application))
    yield from layers
    for layer in layers:
        for mounted in mounts_of(layer).values():
            yield from applications_of(mounted)


def mounts_of(layer: Any) -> dict[str, Any]:
    """Return what Werkzeug's ``DispatcherMiddleware`` has below which path; nothing for anything else."""
    found: Any = getattr(layer, "mounts", None)
    if not isinstance(found, Mapping):
        return {}
    return {str(path): mounted for path, mounted in cast("dict[Any, Any]", found).items()}


def type_of(application: Any) -> str:
    """Return the dotted name of what an application is, inside of what is around it."""
    layers = [each for each in applications_of(application) if not isinstance(each, MethodType)]
    return dotted(layers[-1] if layers else application)


def _taken_apart(text: str) -> tuple[str, ast.Call | None]:
    """Return the target without the call, and the call."""
    if not text.endswith(")"):
        return text, None
    module, _, attribute = text.partition(":")
    try:
        match ast.parse(attribute, mode="eval").body:
            case ast.Call(func=function) as call:
                return f"{module}:{ast.unparse(function)}", call
            case _:
                pass
    except SyntaxError:
        pass
    raise LoadError(f"{text!r} is not MODULE:FACTORY() with arguments that are written out")


def _arguments(text: str, call: ast.Call) -> tuple[list[Any], dict[str, Any]]:
    try:
        named = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords if each.arg}
        return [ast.literal_eval(each) for each in call.args], named
    except ValueError:
        raise LoadError(f"{text!r}: the arguments of a factory are written out") from None


def where_of_name(module: str, attribute: str) -> Where:
    """Return the last line on which a module that was imported gives an attribute its name."""
    file = getattr(import_module(module), "__file__", None)
    if not file or not file.endswith(".py"):
        return Where()
    lines = [
        node.lineno
        for node in ast.parse(Path(file).read_bytes()).body
        for target in _targets(node)
        if target == attribute
    ]
    return Where(str(Path(file).absolute()), lines[-1] if lines else 0)


def _targets(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Assign(targets=targets):
            yield from (each.id for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (each.asname or each.name for each in names)
        case _:
            pass
