"""What counts a request, or a WebSocket, by what it is for. Loop thread only."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hybrid.bridge.interface import name_of
from hybrid.bridge.types import ROUTE, Scope, ThreadedApplication
from hybrid.server.ops.metrics.route_tally import OTHER, ROOM, RoutedTally, RouteFinder, RouteTally
from hybrid.server.ops.metrics.socket_tally import SocketTally


class Tallies:
    """Finds what counts a request, or a WebSocket, by what it is for.

    Args:
        labels: how applications are called, and where they run, by their ids: see
            :meth:`~hybrid.bridge.gateway.Gateway.labels`.
        main_application: what all requests are given to, unless it is a router.
        route_finder: returns what finds the routes of an application that has some of its own.

    Attributes:
        main: what counts its requests.
        refused: requests that were refused before any application was asked, by status.
    """

    def __init__(
        self,
        labels: Mapping[int, tuple[str, str]],
        main_application: object,
        route_finder: Callable[[object], RouteFinder | None] = lambda _application: None,
    ) -> None:
        self._labels = labels
        self._route_finder = route_finder
        self.main_application = main_application
        self.refused: Counter[int] = Counter()
        # By id. Whoever is counted is kept, so that no other object has its id.
        self._requests: dict[int, RouteTally] = {}
        self._sockets: dict[int, SocketTally] = {}
        self._kept: list[object] = []
        self.main = self.of_request(main_application, {})

    def __repr__(self) -> str:
        return f"<Tallies of {len(self._requests)} applications, {len(self._sockets)} with WebSockets>"

    def of_request(self, application: object, scope: Scope) -> RouteTally:
        """Return what counts a request."""
        tally = self._requests.get(id(application))
        if tally is None:
            make = partial(self._request_tally, application)
            tally = self._add(self._requests, application, RouteTally, make)
        route = scope.get(ROUTE)
        return tally if route is None else tally.of_route(route)

    def of_socket(self, application: object, scope: Scope) -> SocketTally:
        """Return what counts a WebSocket."""
        tally = self._sockets.get(id(application))
        if tally is None:
            tally = self._add(self._sockets, application, SocketTally, SocketTally)
        route = scope.get(ROUTE)
        return tally if route is None else tally.of_route(route)

    def requests(self) -> list[RouteTally]:
        """Return the tallies of all applications and routes."""
        return [tally for each in self._distinct(self._requests) for tally in (each, *each.routes.values())]

    def sockets(self) -> list[SocketTally]:
        """Return the tallies of all applications and routes with WebSockets."""
        return [tally for each in self._distinct(self._sockets) for tally in (each, *each.routes.values())]

    def tick(self) -> None:
        """Look at how many requests there are; called about once a second."""
        for each in self.requests():
            each.look()

    @staticmethod
    def _distinct(tallies: Mapping[int, Any]) -> list[Any]:
        return list({id(each): each for each in tallies.values()}.values())

    def _request_tally(self, application: object, name: str, runs_on: str) -> RouteTally:
        find = self._route_finder(getattr(application, "tapped", application))
        if find is None:
            return RouteTally(name, runs_on)
        on_threads = isinstance(application, ThreadedApplication)
        return RoutedTally(name, runs_on, find, on_threads=on_threads)

    def _add(
        self, tallies: dict[int, Any], application: object, kind: type, make: Callable[[str, str], Any]
    ) -> Any:
        """Return a tally for an application that was not seen before: one that is made for it as long as
        there is room, and then the one of this kind that all others share.
        """
        if len(tallies) >= ROOM:  # each request may have another one, made for it
            found = tallies.get(0)
            return found if found is not None else tallies.setdefault(0, kind(OTHER, ""))
        name, runs_on = self._label(application)
        for each in tallies.values():  # what is wrapped several times is one
            if (each.application, each.runs_on) == (name, runs_on):
                break
        else:
            each = make(name, runs_on)
        tallies[id(application)] = each
        self._kept.append(application)
        return each

    def _label(self, application: object) -> tuple[str, str]:
        """Return how an application is called, and the name of its threads."""
        label = self._labels.get(id(application))
        if label is None:  # somebody looks at it, perhaps, through what is around it
            label = self._labels.get(id(getattr(application, "tapped", None)))
        if label is not None:
            return label[0], label[1]
        pool = getattr(getattr(application, "pool", None), "name", "")
        return name_of(getattr(application, "app", application)), pool if isinstance(pool, str) else ""
