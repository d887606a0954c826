"""Choosing an application by a pattern of the URL's path, as Channels' ``URLRouter``."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.lifespan import lifespan_app
from hybrid.bridge.routing import each_once, is_path_router, not_found, path_below, refusing
from hybrid.bridge.types import ROUTE, ASGIApp, Resolver, Scope
from hybrid.bridge.url_patterns import (
    ForeignInclude,
    ForeignPattern,
    Shape,
    URLRoute,
    foreign,
    included,
    path,
    re_path,
)

#: What a route may be: made by :func:`~hybrid.bridge.url_patterns.path`, by Django, or a pattern and its
#: application.
AnyRoute = URLRoute | ForeignPattern | ForeignInclude | tuple[str | re.Pattern[str], ASGIApp]


class URLRouter(Resolver):
    """Choose an application by the path: ``URLRouter([path("chat/<int:room>", chat), …])``.

    Named and called as in Channels. Routes are made by ``path()`` and ``re_path()``, this package's or
    Django's; a pair or a mapping of patterns, text or compiled expressions, and applications does as well.
    The first one that matches answers, and finds in ``scope["url_route"]`` the ``args`` and ``kwargs`` of the
    pattern. A router below another one gets what the outer pattern has left of the path
    (``scope["path_remaining"]``), and the application below both the arguments of both.

    Unlike Channels' it looks only at routes whose literal segments agree with the path, however many there
    are; where there is none it answers as ``no_route`` says and raises nothing; where an inner router has
    none, and has not been told what to answer then, the outer one goes on; Django's ``include()`` works; and
    of several slashes in front of a path only the first one is dropped, so that nobody reaches an application
    under a path that others would not recognise.

    The application's ``root_path`` is taken off the path before it is matched. A lifespan is run for every
    application.

    Args:
        routes: in the order in which they count.
        no_route: a status, or the application that answers where there is no route; None is 404, or, in a
            router below another one, what that one says.

    Raises:
        ConfigError: a route is malformed, and the message names its pattern; or ``no_route`` is no status.
    """

    #: Channels' mark of a router that goes on with what a pattern leaves of the path.
    _path_routing = True

    def __init__(
        self,
        routes: Iterable[AnyRoute] | Mapping[str, ASGIApp] | Mapping[re.Pattern[str], ASGIApp],
        *,
        no_route: int | ASGIApp | None = None,
    ) -> None:
        given = cast("Iterable[AnyRoute]", routes.items() if isinstance(routes, Mapping) else routes)
        self.routes = [_route(each) for each in given]
        self._index = _Index([route.shape for route in self.routes])
        self._no_route = refusing(no_route) if isinstance(no_route, int) else no_route
        self._lifespan = lifespan_app(each_once(route.application for route in self.routes))

    def __repr__(self) -> str:
        return f"<URLRouter of {len(self.routes)} routes>"

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application of the first route that matches, and a new scope with what it has found."""
        if scope["type"] == "lifespan":
            return self._lifespan, scope
        return self.find(scope) or (not_found, scope)

    def find(self, scope: Scope) -> tuple[ASGIApp, Scope] | None:
        """Do the same, or return None where there is no route and nobody has said what to answer then."""
        text = self._path(scope)
        for number in self._index.candidates(text):
            route = self.routes[number]
            found = route.match(text)
            if found is not None:
                answer = _further(route.application, _below(scope, route, *found))
                if answer is not None:
                    return answer
        return None if self._no_route is None else (self._no_route, scope)

    @staticmethod
    def _path(scope: Scope) -> str:
        """Return what is to be matched, without the slash in front."""
        text: str | None = scope.get("path_remaining")
        if text is None:
            text = path_below(scope.get("root_path", "").rstrip("/"), scope["path"])
        return text.removeprefix("/")


class _Index:
    """Finds the routes that can match a path, by its segments. A tree of dictionaries."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        self._root = _Node()
        for number, shape in enumerate(shapes):
            node = self._root
            for segment in shape.segments:
                node = node.child(segment)
            (node.beyond if shape.open else node.here).append(number)

    def candidates(self, text: str) -> list[int]:
        """Return the numbers of those routes, in order."""
        found: list[int] = []
        nodes = [self._root]
        for segment in text.split("/"):
            following: list[_Node] = []
            for node in nodes:
                if node.beyond:
                    found += node.beyond
                if segment in node.children:
                    following.append(node.children[segment])
                if node.anything is not None:
                    following.append(node.anything)
            nodes = following
            if not nodes:
                break
        for node in nodes:
            found += node.beyond
            found += node.here
        found.sort()
        return found


class _Node:
    """What is known of paths that begin in one way: how they go on, and which routes end here or go on."""

    __slots__ = ("anything", "beyond", "children", "here")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.anything: _Node | None = None  # below a segment that varies
        self.here: list[int] = []
        self.beyond: list[int] = []

    def child(self, segment: str | None) -> "_Node":
        """Return the node one segment further, made if need be."""
        if segment is not None:
            return self.children.setdefault(segment, _Node())
        if self.anything is None:
            self.anything = _Node()
        return self.anything


def _further(application: ASGIApp, scope: Scope) -> tuple[ASGIApp, Scope] | None:
    """Follow routers that go on with the path; None where they have no route."""
    while isinstance(application, Resolver) and is_path_router(application):
        if isinstance(application, URLRouter):
            return application.find(scope)
        application, scope = application.resolve(scope)
    return application, scope


def _route(route: AnyRoute) -> URLRoute:
    """Make what counts as a route one."""
    if isinstance(route, URLRoute):
        return route
    if isinstance(route, tuple) and len(route) == 2:
        pattern, application = route
        return path(pattern, application) if isinstance(pattern, str) else re_path(pattern, application)
    of_django: Any = route  # its classes are not imported for it
    if hasattr(of_django, "url_patterns"):
        return included(of_django, URLRouter(of_django.url_patterns))
    if hasattr(of_django, "pattern"):
        return foreign(of_django)
    raise ConfigError(f"{route!r} is no route: make one with path() or re_path()")


def _below(scope: Scope, route: URLRoute, rest: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Scope:
    """Return the scope of the application below a route that has matched."""
    outer: dict[str, Any] = scope.get("url_route") or {}
    before: str = scope.get(ROUTE, "")
    return {
        **scope,
        ROUTE: f"{before}{route.text}" if before[-1:] == "/" else f"{before}/{route.text}",
        "path_remaining": rest,
        "url_route": {
            "args": (*outer.get("args", ()), *args),
            "kwargs": {**outer.get("kwargs", {}), **kwargs, **route.kwargs},
        },
    }
