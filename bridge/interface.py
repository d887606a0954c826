"""Telling what kind of application an object is, from what it can be called with."""

import enum
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from hybrid.bridge.errors import InterfaceError
from hybrid.bridge.lanes import TwoLanes


class Interface(enum.Enum):
    """The calling conventions that an application may follow."""

    ASGI3 = "asgi3"
    """``await app(scope, receive, send)``: ASGI 3.0, https://asgi.readthedocs.io."""
    ASGI2 = "asgi2"
    """``await app(scope)(receive, send)``: the two steps of ASGI 2.0."""
    WSGI = "wsgi"
    """``app(environ, start_response)``: PEP 3333."""
    BOTH = "wsgi+asgi"
    """A :class:`~hybrid.bridge.lanes.TwoLanes`, which is no callable but has one of each kind."""


_BY_ARITY = {1: Interface.ASGI2, 2: Interface.WSGI, 3: Interface.ASGI3}

#: What instances of a class must offer for the class itself to be the application.
_INSTANCES_NEED = {Interface.ASGI2: "__call__", Interface.WSGI: "__iter__", Interface.ASGI3: "__await__"}

#: Widely used wrappers that take ``*args``, by module and code: their parameters do not tell what they are.
_KNOWN_WRAPPERS = {
    ("wsgiref.validate", "validator.<locals>.lint_app"): Interface.WSGI,
    ("werkzeug.wrappers.request", "Request.application.<locals>.application"): Interface.WSGI,
}


def detect(app: object) -> Interface:
    """Find out which interface an application follows, without calling it.

    Functions, bound methods, classes, objects with a ``__call__`` (async or not), ``functools.partial`` and
    decorated functions are understood. An ASGI 2 application must call its one parameter ``scope``: anything
    else with one parameter is more likely to be a factory. asgiref's marks ``_asgi_single_callable`` and
    ``_asgi_double_callable`` are believed.

    Raises:
        InterfaceError: it is no application, or ``*args`` hide which; the message says what it is and takes.
    """
    if isinstance(app, TwoLanes):
        return Interface.BOTH
    if not callable(app):
        what = "None" if app is None else f"an object of type {name_of(app)}"
        raise InterfaceError(f"{what} cannot be called, so it is no application")
    if marked := _from_marks(app):
        return marked
    signatures = _signatures(app)
    for signature in signatures:
        if found := _from_signature(app, signature):
            return found
    raise InterfaceError(_complaint(app, signatures[-1] if signatures else None))


def name_of(app: object) -> str:
    """Give the name by which messages call an application: ``module.qualname`` of it or of its class."""
    while isinstance(app, functools.partial):
        app = app.func
    named = app if isinstance(app, type | types.FunctionType | types.MethodType) else type(app)
    return f"{named.__module__}.{named.__qualname__}"


def _from_marks(app: Callable[..., Any]) -> Interface | None:
    """Believe what an application says about itself, or is known for."""
    if getattr(app, "_asgi_single_callable", False) is True:
        return Interface.ASGI3
    if getattr(app, "_asgi_double_callable", False) is True:
        return Interface.ASGI2
    if isinstance(app, types.FunctionType):
        return _KNOWN_WRAPPERS.get((app.__globals__.get("__name__", ""), app.__code__.co_qualname))
    return None


def _signatures(app: Callable[..., Any]) -> list[inspect.Signature]:
    """Give an application's own parameters, then those of what it wraps: the outermost that decide count."""
    try:
        return [inspect.signature(app, follow_wrapped=follow) for follow in (False, True)]
    except (TypeError, ValueError):  # some callables written in C have none
        return []


def _from_signature(app: Callable[..., Any], signature: inspect.Signature) -> Interface | None:
    """Judge by how many positional arguments a call may have; None when that does not decide."""
    arities = [arity for arity in _BY_ARITY if _accepts(signature, arity)]
    if _is_async(app):
        return Interface.ASGI3 if 3 in arities else None
    if not arities or (len(arities) > 1 and _takes_any_number(signature)):
        return None
    interface = _BY_ARITY[arities[0]]
    if interface is Interface.ASGI2 and next(iter(signature.parameters)) != "scope":
        return None
    if isinstance(app, type) and not _instances_have(app, _INSTANCES_NEED[interface]):
        return None
    return interface


def _accepts(signature: inspect.Signature, arity: int) -> bool:
    """Whether a call with this many positional arguments, and no others, is possible."""
    try:
        signature.bind(*range(arity))
    except TypeError:
        return False
    return True


def _takes_any_number(signature: inspect.Signature) -> bool:
    return any(parameter.kind is parameter.VAR_POSITIONAL for parameter in signature.parameters.values())


def _is_async(app: object) -> bool:
    """Whether a call gives something asynchronous for certain; False may also mean that nobody can tell."""
    called = (app, getattr(type(app), "__call__", None))  # noqa: B004 (the method itself is wanted)
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in called)


def _instances_have(cls: type, name: str) -> bool:
    """Whether instances have an attribute; ``hasattr`` would also find what only the metaclass has."""
    return any(name in vars(base) for base in cls.__mro__)


def _complaint(app: Callable[..., Any], signature: inspect.Signature | None) -> str:
    """Say in one line what an object is, what was expected, and what its author may have meant."""
    kind = "a class" if isinstance(app, type) else "an async callable" if _is_async(app) else "a callable"
    takes = "does not tell its parameters" if signature is None else f"takes {_parameters(signature)}"
    hint = ""
    if isinstance(app, type) and _instances_have(app, "__call__"):
        hint = "; perhaps an instance of it is meant"
    elif signature is not None and not signature.parameters:
        hint = "; perhaps what it returns is meant (--factory)"
    expected = "expected (environ, start_response) for WSGI or (scope, receive, send) for ASGI"
    return f"{name_of(app)} is {kind} that {takes}; {expected}{hint}"


def _parameters(signature: inspect.Signature) -> str:
    """Write the parameters without their annotations, which say nothing here and can be long."""
    bare = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))
