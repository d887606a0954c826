"""Facts on the WSGI and the ASGI application: what is around Django's handlers."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from hybrid.adapters.django.lanes.parts import ASGIHandler, WSGIHandler
from hybrid.adapters.django.migrate.project.facts import ApplicationFact
from hybrid.adapters.django.migrate.project.targets import where_of_name
from hybrid.adapters.django.migrate.project.unwrap import applications_of

_HANDLERS = (WSGIHandler, ASGIHandler)


def find_application(kind: str, said: str, settings: Any) -> str:
    """Return the dotted path of an application; ``""`` where there is none.

    Args:
        kind: ``wsgi`` or ``asgi``.
        said: ``module:attribute``, which goes before the settings.
        settings: those of the project. Without a word of theirs it is ``application`` in a module of that
            name beside the root URLconf, where ``startproject`` puts it.
    """
    if said:
        module, _, attribute = said.partition(":")
        return f"{module}.{attribute or 'application'}"
    named = getattr(settings, f"{kind.upper()}_APPLICATION", None)
    if named:
        return str(named)
    package, dot, _ = str(getattr(settings, "ROOT_URLCONF", "") or "").rpartition(".")
    beside = f"{package}{dot}{kind}"
    return f"{beside}.application" if package and find_spec(beside) is not None else ""


def load(path: str) -> Any:
    """Import an application by its dotted path."""
    module, _, attribute = path.rpartition(".")
    return getattr(import_module(module), attribute)


def application_fact(path: str, application: Any) -> ApplicationFact:
    """Say what an application is, from the outside to the inside; of a ``ProtocolTypeRouter``, for HTTP."""
    around: list[str] = []
    handler = ""
    protocols: tuple[str, ...] = ()
    for each in _through_routers(application):
        parts = protocols_of(each)
        protocols = protocols or tuple(parts)
        handler = _type_name(each) if isinstance(each, _HANDLERS) else ""
        around.append(_type_name(each))
    if handler:
        around.pop()
    module, _, attribute = path.rpartition(".")
    return ApplicationFact(path, where_of_name(module, attribute), tuple(around), handler, protocols)


def protocols_of(application: Any) -> dict[str, Any]:
    """Return what a ``ProtocolTypeRouter``, of Channels or ours, has for each protocol."""
    parts: Any = getattr(application, "application_mapping", None)
    if not isinstance(parts, Mapping):
        return {}
    return {str(name): part for name, part in cast("dict[Any, Any]", parts).items()}


def _through_routers(application: Any) -> Iterator[Any]:
    for each in applications_of(application):
        yield each
        http = protocols_of(each).get("http")
        if http is not None:
            yield from _through_routers(http)
            return


def _type_name(each: Any) -> str:
    cls = cast("Any", type(each))
    if cls.__name__ in ("function", "method", "partial"):
        named = getattr(each, "func", each)
        return f"{named.__module__}.{named.__qualname__}".replace(".<locals>", "")
    return f"{cls.__module__}.{cls.__qualname__}"
