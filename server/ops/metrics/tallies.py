"""The numbers that requests and WebSockets are counted in, while they are served. Loop thread only.

Every request pays for this: a countdown at its beginning, two sums at its end, and where it is timed a clock
at both and a bucket. Those are written out where they happen (``answering.py``, ``exchange.py``,
``threaded.py``), as a call would cost as much as they do. Nothing is locked, as only the loop counts; what a
worker knows it leaves in the exchange.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from time import monotonic
from typing import Any, Final

from hybrid.bridge.histogram import BOUNDS, SIZE
from hybrid.bridge.interface import name_of
from hybrid.bridge.types import ROUTE, Scope, ThreadedApplication

#: Returns the rule of a request that is being answered, by its ASGI scope or WSGI environ; None without one.
RouteFinder = Callable[[Mapping[str, Any]], str | None]

#: Requests a second below which one of so many is timed: where there are many, that is enough to tell, and
#: looking at the clock for each would be most of what counting costs. Primes: little is in step.
_STEPS: Final = ((1000, 1), (10_000, 7), (inf, 61))
#: Applications, and routes of each of them, that are counted by themselves.
_ROOM: Final = 256
#: Close codes that are counted by themselves: clients choose among thousands.
_CODES: Final = 64
#: The status of a request whose client left before it was answered, as nginx has it.
CLIENT_LEFT: Final = 499
#: What others count for.
OTHER: Final = "other"


class RouteTally:
    """Counts the requests of an application, or of one of its routes.

    Attributes:
        application, route, runs_on: which, as in a snapshot.
        ok: how many are over that were answered with 200, which most are.
        seconds: how many of them took how long, by bucket.
        step: of how many requests one is timed, and counts for all of them.
        untimed: the next that is timed is this one of those to come. It counts them too: counting down costs
            less, as CPython has all small numbers ready.
        cut_off: those of which the response was not complete.
        bytes_in, bytes_out: bytes of bodies.
        queue_seconds, run_seconds: how long they have waited for threads, and had them.
        routes: the tallies of its routes.
    """

    __slots__ = (
        "_begun_before", "_begun_then", "_others", "application", "bytes_in", "bytes_out", "cut_off", "ok",
        "queue_seconds", "route", "routes", "run_seconds", "runs_on", "seconds", "step", "untimed",
    )  # fmt: skip

    def __init__(self, application: str, runs_on: str, route: str = "") -> None:
        self.application = application
        self.runs_on = runs_on
        self.route = route
        self.ok = self.cut_off = 0
        self.step = self.untimed = 1
        self._begun_then = 1  # requests that will have begun when none is left untimed
        self._begun_before = 0  # those that had at the last look
        self.bytes_in = self.bytes_out = 0
        self.queue_seconds = self.run_seconds = 0.0
        self._others: dict[int, int] = {}  # how many are over, by status, but for 200
        self.seconds = [0] * SIZE
        self.routes: dict[str, RouteTally] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.application} {self.route}: {self.begun} begun>"

    @property
    def begun(self) -> int:
        """Requests that have been given to it."""
        return self._begun_then - self.untimed

    @property
    def in_flight(self) -> int:
        """Those that are not over."""
        return self.begun - sum(self.statuses.values())

    @property
    def statuses(self) -> dict[int, int]:
        """How many are over, by status."""
        return {200: self.ok, **self._others} if self.ok else dict(self._others)

    def of_route(self, route: str) -> "RouteTally":
        """Return the tally of one of its routes."""
        found = self.routes.get(route)
        if found is None:
            route = route if len(self.routes) < _ROOM else OTHER
            found = self.routes.get(route) or self._add(route)
        return found

    def _add(self, route: str) -> "RouteTally":
        found = self.routes[route] = RouteTally(self.application, self.runs_on, route)
        return found

    def end(self, status: int, size: int) -> None:
        """A request is over that has sent so many bytes of a body."""
        if status == 200:
            self.ok += 1
        else:
            self.count(status)
        self.bytes_out += size

    def count(self, status: int) -> None:
        """A request is over that was answered with another status than 200."""
        self._others[status] = self._others.get(status, 0) + 1

    def begin_timed(self, *, has_body: bool) -> "RouteTally | UnroutedTally":
        """None is left untimed, and one begins that is timed: return what counts that until it is over."""
        self._begun_then += self.step
        self.untimed = self.step
        return self

    def known(self, _scope: Scope) -> "RouteTally":
        """One that is timed is over: return what counts it."""
        return self

    def time(self, begun_at: float) -> None:
        """Put down how long a request took that is over now."""
        self.seconds[bisect_right(BOUNDS, monotonic() - begun_at)] += self.step

    def time_on_thread(self, begun_at: float, taken_at: float) -> None:
        """The same for one that a worker has taken at a time; at 0.0: none has."""
        now = monotonic()
        self.seconds[bisect_right(BOUNDS, now - begun_at)] += self.step
        waited = (taken_at or now) - begun_at
        self.queue_seconds += self.step * waited
        self.run_seconds += self.step * (now - begun_at - waited)

    def look(self) -> None:
        """Choose how many of the requests are timed, by how many there were in the last second."""
        begun = self.begun
        rate = begun - self._begun_before
        self._begun_before = begun
        self.step = next(step for most, step in _STEPS if rate < most)
        if self.untimed > self.step:
            self.untimed = self.step
            self._begun_then = begun + self.step


class RoutedTally(RouteTally):
    """The same for an application with routes of its own, of which one is known only when a request is over.

    Until then the request is in flight for the application alone, and each is one that :meth:`begin_timed`
    hears of.

    Args:
        application, runs_on, route: as of any.
        find: finds the rule of a request.
        on_threads: whether that can be told only while the application runs, on a thread.
        whole: that of the application, where this is the one of a prefix, or of a route.
    """

    __slots__ = ("_in_flight", "_left", "_on_threads", "_whole", "find")

    def __init__(  # noqa: PLR0913 - three of them are the base's
        self,
        application: str,
        runs_on: str,
        find: RouteFinder,
        *,
        on_threads: bool,
        route: str = "",
        whole: "RoutedTally | None" = None,
    ) -> None:
        super().__init__(application, runs_on, route)
        self.find = find
        self._on_threads = on_threads
        self._whole = whole or self
        self._in_flight = 0
        self._left = 1  # as untimed, but for requests that are over

    @property
    def begun(self) -> int:
        """Requests that have been given to it, without those whose route nobody knows yet: some of them will
        be another one's, and what is counted never becomes less.
        """
        return sum(self.statuses.values())

    @property
    def in_flight(self) -> int:
        """Those that are not over."""
        return self._in_flight

    def begin_timed(self, *, has_body: bool) -> "RouteTally | UnroutedTally":
        """One begins: return what counts it until it is over."""
        self.untimed = 1
        self._in_flight += 1
        return UnroutedTally(self) if has_body or self._on_threads else self

    def known(self, scope: Scope) -> RouteTally:
        """One is over: return what counts it."""
        rule = self.find(scope)
        if rule is None:
            self._in_flight -= 1
            return self
        return self.known_as(rule)

    def known_as(self, rule: str) -> RouteTally:
        """One is over, for which a route was found: return what counts it."""
        self._in_flight -= 1
        whole, route = self._whole, self.route + rule
        return whole.routes.get(route) or whole.of_route(route)

    def time(self, begun_at: float) -> None:
        """Put down how long a request took, if it is one that is timed."""
        self._left = left = self._left - 1
        if not left:
            self._left = self.step
            super().time(begun_at)

    def time_on_thread(self, begun_at: float, taken_at: float) -> None:
        """The same for one that a worker has taken."""
        self._left = left = self._left - 1
        if not left:
            self._left = self.step
            super().time_on_thread(begun_at, taken_at)

    def look(self) -> None:
        """Choose how many of the requests are timed."""
        super().look()
        self._left = min(self._left, self.step)

    def _add(self, route: str) -> RouteTally:
        self.routes[route] = found = RoutedTally(
            self.application,
            self.runs_on,
            self.find,
            on_threads=self._on_threads,
            route=route,
            whole=self._whole,
        )
        return found


class UnroutedTally:
    """Counts one request until its route is known: what it sends, and on threads the route itself.

    Attributes:
        bytes_in: as of a :class:`RouteTally`.
    """

    __slots__ = ("_rule", "_tally", "bytes_in")

    def __init__(self, tally: RoutedTally) -> None:
        self._tally = tally
        self._rule: str | None = None
        self.bytes_in = 0

    def __repr__(self) -> str:
        return f"<UnroutedTally of {self._tally!r}>"

    def note(self, environ: Mapping[str, Any]) -> None:
        """Keep which route it is, as that can be told when the response starts (worker)."""
        self._rule = self._tally.find(environ)

    def known(self, scope: Scope) -> RouteTally:
        """It is over: return what counts it, with what was counted here."""
        tally = self._tally
        found = tally.known(scope) if self._rule is None else tally.known_as(self._rule)
        found.bytes_in += self.bytes_in
        return found


class SocketTally:
    """Counts the WebSockets of an application, or of one of its routes.

    Attributes:
        application, route, runs_on, opened, messages_in, messages_out, bytes_in, bytes_out, slow, refused,
            closes: as in a snapshot.
        round_trips: how many answers to pings took how long, by bucket; None before the first.
        routes: the tallies of its routes.
    """

    __slots__ = (
        "application", "bytes_in", "bytes_out", "closes", "messages_in", "messages_out", "opened", "refused",
        "round_trips", "route", "routes", "runs_on", "slow",
    )  # fmt: skip

    def __init__(self, application: str, runs_on: str, route: str = "") -> None:
        self.application = application
        self.runs_on = runs_on
        self.route = route
        self.opened = self.slow = 0
        self.messages_in = self.messages_out = 0
        self.bytes_in = self.bytes_out = 0
        self.refused: Counter[int] = Counter()
        self.closes: Counter[int] = Counter()
        self.round_trips: list[int] | None = None
        self.routes: dict[str, SocketTally] = {}

    def __repr__(self) -> str:
        return f"<SocketTally {self.application} {self.route}: {self.opened} opened>"

    def of_route(self, route: str) -> "SocketTally":
        """Return the tally of one of its routes."""
        found = self.routes.get(route)
        if found is None:
            route = route if len(self.routes) < _ROOM else OTHER
            found = self.routes.setdefault(route, SocketTally(self.application, self.runs_on, route))
        return found

    def close(self, code: int) -> None:
        """One that was open is not any more; 0 stands for a code that nobody knows, or has room for."""
        self.closes[code if code in self.closes or len(self.closes) < _CODES else 0] += 1

    def answered(self, seconds: float) -> None:
        """A ping was answered after so many seconds."""
        if self.round_trips is None:
            self.round_trips = [0] * SIZE
        self.round_trips[bisect_right(BOUNDS, seconds)] += 1


#: What counts for nobody: where nothing is counted, and for who has been counted.
UNREAD: Final = SocketTally("", "")


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
            tally = self._add(self._requests, partial(self._request_tally, application), application)
        route = scope.get(ROUTE)
        return tally if route is None else tally.of_route(route)

    def of_socket(self, application: object, scope: Scope) -> SocketTally:
        """Return what counts a WebSocket."""
        tally = self._sockets.get(id(application))
        if tally is None:
            tally = self._add(self._sockets, SocketTally, application)
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

    def _add(self, tallies: dict[int, Any], kind: Callable[[str, str], Any], application: object) -> Any:
        """Return a tally for an application that was not seen before: its own, as long as there is room."""
        if len(tallies) >= _ROOM:  # each request may have another one, made for it
            found = tallies.get(0)
            return found if found is not None else tallies.setdefault(0, kind(OTHER, ""))
        name, runs_on = self._label(application)
        for each in tallies.values():  # what is wrapped several times is one
            if (each.application, each.runs_on) == (name, runs_on):
                break
        else:
            each = kind(name, runs_on)
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
