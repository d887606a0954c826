"""The numbers that requests are counted in while they are served, of an application or of one of its routes.
Loop thread only.

Every request pays for this: a countdown at its beginning, two sums at its end, and where it is timed a clock
at both and a bucket. Those are written out where they happen (``answering.py``, ``exchange.py``,
``threaded.py``), as a call would cost as much as they do. Nothing is locked, as only the loop counts; what a
worker knows it leaves in the exchange.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from math import inf
from time import monotonic
from typing import Any, Final

from hybrid.bridge.histogram import BOUNDS, SIZE
from hybrid.bridge.types import Scope

#: Returns the rule of a request that is being answered, by its ASGI scope or its WSGI environ; None where no
#: route has been found, or its framework leaves nothing.
RouteFinder = Callable[[Mapping[str, Any]], str | None]

#: Requests a second below which one of so many is timed: where there are many, that is enough to tell, and
#: looking at the clock for each would be most of what counting costs. Primes: little is in step.
_STEPS: Final = ((1000, 1), (10_000, 7), (inf, 61))
#: Applications, and routes of each of them, that are counted by themselves.
ROOM: Final = 256
#: What others count for.
OTHER: Final = "other"
#: The status of a request whose client left before it was answered, as nginx has it.
CLIENT_LEFT: Final = 499


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
            route = route if len(self.routes) < ROOM else OTHER
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

    __slots__ = ("_find", "_in_flight", "_left", "_on_threads", "_whole")

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
        self._find = find
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
        rule = self.rule_of(scope)
        if rule is None:
            self._in_flight -= 1
            return self
        return self.known_as(rule)

    def rule_of(self, scope: Mapping[str, Any]) -> str | None:
        """Return the rule of a request, as far as it can be told (loop, or worker). What its framework leaves
        may be anything in another version of it, and no response is to fail for that.
        """
        try:
            return self._find(scope)
        except Exception:  # noqa: BLE001 - it is counted without one
            return None

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
            self._find,
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
        self._rule = self._tally.rule_of(environ)

    def known(self, scope: Scope) -> RouteTally:
        """It is over: return what counts it, with what was counted here."""
        tally = self._tally
        found = tally.known(scope) if self._rule is None else tally.known_as(self._rule)
        found.bytes_in += self.bytes_in
        return found
