"""Facts on WebSockets: the routes of an ASGI application, of Channels' classes or ours."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from hybrid.adapters.django.migrate.project.applications import protocols_of
from hybrid.adapters.django.migrate.project.facts import SocketRouteFact
from hybrid.adapters.django.migrate.project.origins import bases_of, dotted, where_of
from hybrid.adapters.django.migrate.project.routes import joined
from hybrid.adapters.django.migrate.project.unwrap import applications_of

_PATTERNS: Final = "websocket_urlpatterns"


def socket_facts(application: Any) -> Iterator[SocketRouteFact]:
    """Give a fact for each route of an ASGI application.

    An application that is Django's alone has none.
    """
    for each in applications_of(application):
        parts = protocols_of(each)
        if parts:
            if "websocket" in parts:
                yield from _facts(parts["websocket"], "", ())
            return


def routed_beside(urlconf: str) -> Iterator[SocketRouteFact]:
    """Give those of ``websocket_urlpatterns`` in ``routing.py`` beside the URLconf, which hybrid serves where
    there is no ASGI application.
    """
    package, dot, _ = urlconf.rpartition(".")
    name = f"{package}{dot}routing"
    if package and find_spec(name) is not None:
        around = ("hybrid.bridge.auth.origins.AllowedHostsOriginValidator",)
        for each in getattr(import_module(name), _PATTERNS, None) or ():
            yield from _of_route(each, "", around)


def _facts(application: Any, pattern: str, around: tuple[str, ...]) -> Iterator[SocketRouteFact]:
    layers = list(applications_of(application))
    for depth, layer in enumerate(layers):
        routes: Any = getattr(layer, "routes", None)
        if isinstance(routes, (list, tuple)):
            for each in routes:  # pyright: ignore[reportUnknownVariableType]
                yield from _of_route(each, pattern, (*around, *map(dotted, layers[:depth])))
            return
        if getattr(layer, "consumer_class", None) is not None:
            yield _fact(layer, pattern, (*around, *map(dotted, layers[:depth])))
            return
    yield _fact(layers[-1], pattern, (*around, *map(dotted, layers[:-1])))


def _of_route(route: Any, before: str, around: tuple[str, ...]) -> Iterator[SocketRouteFact]:
    """Go on with a route: a pattern of Django's, one of ours, or a pair."""
    if isinstance(route, tuple):
        text, application = route  # pyright: ignore[reportUnknownVariableType]
        text = getattr(text, "pattern", text)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    elif hasattr(route, "url_patterns"):
        for each in route.url_patterns:
            yield from _of_route(each, joined(before, str(route.pattern)), around)
        return
    else:
        text = getattr(route, "text", None) or getattr(route, "pattern", "")
        application = getattr(route, "callback", None) or getattr(route, "application", None)
    yield from _facts(application, joined(before, str(text)), around)


def _fact(application: Any, pattern: str, around: tuple[str, ...]) -> SocketRouteFact:
    consumer: Any = getattr(application, "consumer_class", None)
    if consumer is None:
        return SocketRouteFact(pattern, dotted(application), where_of(application), around=around)
    kind = "sync" if getattr(consumer, "_sync", False) else "async"
    return SocketRouteFact(pattern, dotted(consumer), where_of(consumer), kind, bases_of(consumer), around)
