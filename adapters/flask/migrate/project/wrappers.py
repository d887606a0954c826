"""Facts on what is around a Flask application: WSGI middleware, and dispatchers that have it mounted."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any, Final, cast

from hybrid.adapters.django.migrate.project.origins import Origins, dotted, where_of
from hybrid.adapters.django.migrate.project.targets import mounts_of, type_of
from hybrid.adapters.django.migrate.project.unwrap import applications_of, decorator_name
from hybrid.adapters.django.migrate.project.values import plain
from hybrid.adapters.flask.migrate.facts import WrapperFact

_FLASK: Final = "flask.app.Flask"
_PLAIN: Final = (bool, int, float, str)
_MOST: Final = 40  # attributes of a wrapper


@dataclass(frozen=True)
class Found:
    """A Flask object, and what is around it.

    Attributes:
        outer: from the outside; none where the target is the Flask object itself.
        inner: what its ``wsgi_app`` was replaced by, from the outside.
        mount: the path that a dispatcher among ``outer`` has it at; ``""`` for the root.
    """

    app: Any
    outer: tuple[Any, ...]
    inner: tuple[Any, ...]
    mount: str = ""


def find(application: Any) -> Found:
    """Find the Flask object in an application: itself, inside of others, or else mounted in one of them.

    Raises:
        LookupError: there is none.
    """
    outer: list[Any] = []
    for layer in applications_of(application):
        if _is_flask(layer):
            return Found(layer, tuple(outer), _inner(layer))
        outer.append(layer)
    for number, layer in enumerate(outer, 1):
        for path, mounted in mounts_of(layer).items():
            if any(map(_is_flask, applications_of(mounted))):
                within = find(mounted)
                around = (*outer[:number], *within.outer)
                return Found(within.app, around, within.inner, path + within.mount)
    raise LookupError("there is no Flask object in the application")


def wrapper_facts(found: Found, origins: Origins) -> Iterator[WrapperFact]:
    """Give a fact for each wrapper, from the outside."""
    for on, layers in (("app", found.outer), ("wsgi_app", found.inner)):
        for layer in layers:
            yield _fact(layer, on, origins)


def _is_flask(layer: Any) -> bool:
    return any(f"{each.__module__}.{each.__qualname__}" == _FLASK for each in type(layer).__mro__)


def _inner(app: Any) -> tuple[Any, ...]:
    """Return what stands between a Flask object and its own ``wsgi_app``."""
    layers: list[Any] = []
    for layer in applications_of(app.wsgi_app):
        if layer is app or (isinstance(layer, MethodType) and layer.__self__ is app):
            break
        layers.append(layer)
    return tuple(layers)


def _fact(layer: Any, on: str, origins: Origins) -> WrapperFact:
    is_function = isinstance(layer, (FunctionType, MethodType))
    distribution, version = origins.distribution_of(layer if is_function else type(layer))
    return WrapperFact(
        decorator_name(layer) if is_function else dotted(layer),
        on,
        where_of(layer),
        _options(layer),
        {path: _kind(each) for path, each in mounts_of(layer).items()},
        distribution,
        version,
    )


def _kind(mounted: Any) -> str:
    """Say what is mounted: the class of a Flask object, whatever is around it, or what is innermost."""
    found = next(filter(_is_flask, applications_of(mounted)), None)
    return type_of(mounted) if found is None else dotted(found)


def _options(layer: Any) -> dict[str, Any]:
    values = cast("dict[str, Any]", getattr(layer, "__dict__", {}))
    found = [(name, value) for name, value in values.items() if isinstance(value, _PLAIN)]
    return {name: plain(value, name) for name, value in found[:_MOST]}
