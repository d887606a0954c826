"""What is known of each view, whether it may go to the asgi lane, and what that gains."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.plan.compared import Comparison
from hybrid.adapters.django.migrate.plan.observed import Observation, Seen
from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.report.words import ALL_ROUTES, counted

#: Warnings that keep a view off the asgi lane until they are seen to, and what the view does.
_KEEPS: Final = {
    "HM201": "takes the user from a header",
    "HM203": "takes uploads, which the wsgi lane reads as they come",
    "HM205": "reads who the user is from a thread's storage",
    "HM305": "gives a synchronous stream, which a thread has to step through on either lane",
    "HM307": "blocks the event loop, on either lane",
    "HM401": "keeps what is a request's in a thread's storage",
    "HM402": "is cut off between two writes when its client leaves",
}
#: What a stream of coroutines gains most by.
STREAM: Final = "HM306"


@dataclass(frozen=True)
class View:
    """A view, with all routes that lead to it by one name.

    Attributes:
        name: as ``[lanes]`` and ``hybrid lanes`` call it.
        routes: its URL patterns.
        findings: what is the matter with it alone, and not with all views.
        seen: what has come of its requests, by lane; empty where nobody has looked.
        requests, different: of those that were sent to both lanes.
    """

    name: str
    routes: tuple[RouteFact, ...]
    findings: tuple[Finding, ...] = ()
    seen: tuple[tuple[str, Seen], ...] = ()
    requests: int = 0
    different: int = 0

    @property
    def patterns(self) -> str:
        """Its URL patterns, for people."""
        return ", ".join(
            each.pattern if each.pattern.startswith("^") else f"/{each.pattern}" for each in self.routes
        )

    @property
    def lanes(self) -> set[str]:
        """Where hybrid runs it by itself; two where two views have one name."""
        return {each.lane.partition(";")[0] for each in self.routes}

    @property
    def is_async(self) -> bool:
        """Whether it is for the asgi lane by its kind, or as its decorator says."""
        return self.lanes == {"asgi"}

    @property
    def is_stream(self) -> bool:
        """Whether it answers with an asynchronous stream."""
        return any(each.rule == STREAM for each in self.findings)

    @property
    def is_foreign(self) -> bool:
        """Whether a package has written it."""
        return all(each.distribution for each in self.routes)

    @property
    def keeps(self) -> tuple[str, ...]:
        """Why it must not be on the asgi lane as it is, a sentence each without a full stop; nothing where
        it may.
        """
        return tuple(dict.fromkeys(self._keeps()))

    def _keeps(self) -> Iterator[str]:
        for route in self.routes:
            if route.error:
                yield f"Django refuses it: {route.error}"
        by_rule: dict[str, list[Finding]] = {}
        for each in self.findings:
            if "asgi" in each.lanes and each.level is not Level.NOTE:
                by_rule.setdefault(each.rule, []).append(each)
        yield from (_kept(rule, several) for rule, several in by_rule.items() if keeps_off(rule))
        if self.different:
            requests = counted(self.requests, "request")
            yield f"{self.different:,} of {requests} had different answers on the lanes"
        on_loop = dict(self.seen).get("asgi", Seen())
        if on_loop.synchronous_only:
            yield f"it was seen to raise SynchronousOnlyOperation {on_loop.synchronous_only:,} times"
        if stalls := sum(each.stalls for _, each in self.seen):  # coroutines run on the loop on either lane
            longest = f"{max(each.longest for _, each in self.seen):.2f} s"
            yield f"it was seen to hold up the event loop {stalls:,} times, for {longest} at most"
        if len(self.lanes) > 1:
            yield "two views of different kinds have this name, and [lanes] cannot tell them apart"

    @property
    def all_seen(self) -> Seen | None:
        """What has come of its requests on both lanes together; None where nobody has looked."""
        sums = [each for _, each in self.seen if each.calls]
        if not sums:
            return None
        first, *others = sums
        for each in others:
            first = first.and_of(each)
        return first

    @property
    def held(self) -> float:
        """For how many seconds threads were held by it, as far as somebody has looked: what it gains by
        waiting on the event loop instead.
        """
        seen = self.all_seen
        return seen.calls * (seen.p50 or 0.0) if seen else 0.0

    @property
    def gain(self) -> tuple[bool, float, bool]:
        """By what views are sorted that may move: those that hold threads longest, as far as was seen, first,
        and streams before others.
        """
        return self.all_seen is not None, self.held, self.is_stream


def keeps_off(rule: str) -> bool:
    """Tell whether a view with findings of a rule is kept off the asgi lane: what breaks there, or might."""
    return rule in _KEEPS or RULES[rule].level is Level.ERROR


def _kept(rule: str, findings: Sequence[Finding]) -> str:
    first = findings[0].place
    where = f"{first.file}:{first.line}" if first.line else first.symbol or first.file
    more = f" and {counted(len(findings) - 1, 'more place')}" if len(findings) > 1 else ""
    what = f"it {_KEEPS[rule]}" if rule in _KEEPS else RULES[rule].title
    return f"{rule} at {where}{more}: {what}"


def views_of(
    routes: Iterable[RouteFact],
    findings: Sequence[Finding],
    observed: Observation | None,
    compared: Comparison | None,
) -> Iterator[View]:
    """Give the views of a project with what is known of each."""
    by_route: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        for name in each.routes if each.routes != ALL_ROUTES else ():
            by_route[name].append(each)
    by_name: dict[str, list[RouteFact]] = {}
    for route in routes:
        by_name.setdefault(route.called or route.name or route.view, []).append(route)
    in_code = [each for each in findings if not each.routes]
    for name, several in by_name.items():
        own = dict.fromkeys(
            each
            for route in several
            for each in (*by_route[route.name or route.pattern], *_of_code(route, in_code))
        )
        seen = observed.views.get(name, {}) if observed else {}
        requests, different = compared.views.get(name, (0, 0)) if compared else (0, 0)
        yield View(name, tuple(several), tuple(own), tuple(seen.items()), requests, different)


def _of_code(route: RouteFact, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give what is the matter with the code of a view, though no route is known to lead there: with its
    class as a whole, say.
    """
    symbols = {route.view, *route.bases}
    for each in findings:
        symbol = each.place.symbol
        if symbol in symbols or symbol.rpartition(".")[0] in symbols:
            yield each
