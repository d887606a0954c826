"""Which lane a request takes, decided on the loop before anything else is done with it."""

import logging
from collections.abc import Collection, Mapping
from time import perf_counter
from typing import Any, Final, NamedTuple

from hybrid.adapters.django.lanes.figures import ANY_VIEW, NO_ROUTE, Figures, Tally
from hybrid.adapters.django.lanes.parts import (
    Resolver404,
    ResolverMatch,
    get_resolver,
    language_of_path,
    override_language,
    settings,
)
from hybrid.adapters.django.lanes.request import SCOPE
from hybrid.adapters.django.lanes.rules import Rule, Rules
from hybrid.adapters.django.lanes.timing import BEGUN, Begun
from hybrid.adapters.django.lanes.views import Verdict, depends_on_language, verdict_of
from hybrid.bridge.lanes import Lanes
from hybrid.bridge.routing import path_below
from hybrid.bridge.taps import Watch, tapped
from hybrid.bridge.types import LANE, ROUTE, ASGIApp, Scope

logger = logging.getLogger("hybrid.django")

#: The key of a scope: the path that was resolved, and what it has led to.
_MATCH: Final = "hybrid.django.match"
#: Paths whose decision is kept. Only those of patterns without arguments are, but a regular expression may
#: take any path that a client sends.
_KNOWN_LIMIT: Final = 1024
_NO_ROUTE: Final = Verdict("wsgi", "no-route")
_URLCONF: Final = Verdict("wsgi", "urlconf")


class _Decision(NamedTuple):
    """Where requests for a path go.

    Attributes:
        lane, label: where, and what is said of it.
        view, tally: what they count for in the figures, and what counts them.
        timed: whether their steps on the loop are timed.
        match: what the path leads to; None where nobody but Django's handler can tell.
        shares: rules that are for some of the clients, the strongest first.
    """

    lane: str
    label: str
    view: str
    tally: Tally
    timed: bool
    match: Any = None
    shares: tuple[Rule, ...] = ()


class DjangoLanes(Lanes):
    """Chooses the lane of each request: by a rule for its view, a rule for its path, the view's decorator, or
    else by what kind of function the view is.

    The URL is resolved for that once: the handlers take the result over, see :func:`reuse_match`. Where the
    path alone does not tell the view, because a middleware sets ``request.urlconf``, requests go to the wsgi
    lane, but for paths with a rule. Loop thread only.

    Args:
        parts: the wsgi lane, and the asgi lane.
        lifespan: what answers a lifespan.
        rules: what the configuration says.
        figures: counts what comes of the requests of each view.
        sets_urlconf: whether a middleware sets ``request.urlconf``.

    Attributes:
        figures: the same.
    """

    runs_on = "thread pool, event loop"

    def __init__(
        self,
        parts: tuple[ASGIApp, ASGIApp],
        lifespan: ASGIApp,
        rules: Rules,
        figures: Figures,
        *,
        sets_urlconf: bool,
    ) -> None:
        self.parts = parts
        self._threaded, self._on_loop = parts
        self._lifespan = lifespan
        self._rules = rules
        self.figures = figures
        self._sets_urlconf = sets_urlconf
        self._resolver = get_resolver()
        self._by_language = depends_on_language(self._resolver)
        self._timed: Collection[str] | None = None
        self._known: dict[str, _Decision] = {}
        self._verdicts: dict[Any, Verdict] = {}  # by callback; a project has so many of them and no more
        self._cookie = f"{settings.SESSION_COOKIE_NAME}=".encode("latin-1")
        self._watches: list[Watch] = []

    def __repr__(self) -> str:
        return f"<DjangoLanes {self.runs_on}>"

    @property
    def rules(self) -> Rules:
        """What is said of lanes; may be replaced, which counts from the next request on."""
        return self._rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self._rules = rules
        self._known.clear()

    @property
    def timed(self) -> Collection[str] | None:
        """The views, as the figures call them, whose steps on the loop are timed, so that stalls are counted:
        all of them where this is None. May be replaced, as the rules.
        """
        return self._timed

    @timed.setter
    def timed(self, views: Collection[str] | None) -> None:
        self._timed = views
        self._known.clear()

    @property
    def sets_urlconf(self) -> bool:
        """Whether a middleware sets ``request.urlconf``, so that rules for views do not count."""
        return self._sets_urlconf

    def note_urlconf(self) -> None:
        """A request has had a URLconf of its own: what paths lead to is not known any more. Any thread."""
        if not self._sets_urlconf:
            logger.warning(
                "a middleware sets request.urlconf: requests are served on the wsgi lane from now on"
            )
            self._sets_urlconf = True

    def watch(self, watch: Watch) -> None:
        """Let somebody look at requests, from the next one on."""
        self._watches.append(watch)
        self._threaded, self._on_loop = tapped(self.parts, self._watches)

    def unwatch(self, watch: Watch) -> None:
        """Let nobody of this kind look any more; what goes on is still told of."""
        self._watches = [each for each in self._watches if each != watch]
        self._threaded, self._on_loop = tapped(self.parts, self._watches)

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the lane of a request, and its scope, which says so."""
        if scope["type"] != "http":
            return self._lifespan, scope
        path: str = scope["path"]
        if root := scope.get("root_path"):
            path = path_below(root.rstrip("/"), path)
        decision = self._known.get(path)
        if decision is None or self._sets_urlconf:
            decision = self._decide(path or "/")
        lane, label, tally = decision.lane, decision.label, decision.tally
        if decision.shares:
            lane, label = self._for_client(decision, scope)
            tally = self.figures.tally(decision.view, lane)
        scope[LANE] = label
        scope[ROUTE] = decision.view
        scope[BEGUN] = perf_counter(), tally, decision.timed
        if decision.match is not None:
            scope[_MATCH] = path or "/", decision.match
        return (self._on_loop if lane == "asgi" else self._threaded), scope

    def _decide(self, path: str) -> _Decision:
        """Resolve a path, and remember what comes of it where others may ask for the same."""
        match = None if self._sets_urlconf else self._match(path)
        verdict, shares, rule = self._said(match, path)
        view = self._counts_for(match, rule)
        usable = None if self._by_language else match
        label, tally = f"{verdict.lane}; {verdict.reason}", self.figures.tally(view, verdict.lane)
        timed = self._timed is None or view in self._timed
        decision = _Decision(verdict.lane, label, view, tally, timed, usable, shares)
        if usable is not None and not usable.args and not usable.captured_kwargs:
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            self._known[path] = decision
        return decision

    def _match(self, path: str) -> Any:
        """Return what a path leads to, None if that cannot be told."""
        try:
            if not self._by_language:
                return self._resolver.resolve(path)
            with override_language(language_of_path(path) or settings.LANGUAGE_CODE):
                return self._resolver.resolve(path)
        except Resolver404:
            return None
        except Exception as error:  # noqa: BLE001 - of a converter, which may need a database: a thread's matter
            logger.debug("what a path leads to is left to a thread: %r", error)
            return None

    def _verdict(self, match: Any) -> Verdict:
        if match is None:
            return _URLCONF if self._sets_urlconf else _NO_ROUTE
        verdict = self._verdicts.get(match.func)
        if verdict is None:
            verdict = self._verdicts[match.func] = verdict_of(match.func)
        return verdict

    def _said(self, match: Any, path: str) -> tuple[Verdict, tuple[Rule, ...], Rule | None]:
        """Return where a request goes for which no share is, the shares, and the strongest rule that fits."""
        view = None if match is None else (match.view_name, match._func_path)  # noqa: SLF001
        rules = list(self._rules.fitting(view, path))
        shares: list[Rule] = []
        for rule in rules:
            if not rule.is_for_all:
                shares.append(rule)
            lane = rule.lane if rule.is_for_all else rule.otherwise
            if lane is not None:
                return Verdict(lane, "configured"), tuple(shares), rules[0]
        return self._verdict(match), tuple(shares), next(iter(rules), None)

    def _counts_for(self, match: Any, rule: Rule | None) -> str:
        """Return what the figures call a view; where a rule for paths decides, its pattern."""
        if rule is not None and rule.name.startswith("/"):
            return rule.name
        if match is None:
            return ANY_VIEW if self._sets_urlconf else NO_ROUTE
        return name_of_match(match)

    def _for_client(self, decision: _Decision, scope: Scope) -> tuple[str, str]:
        client = self._client(scope)
        for rule in decision.shares:
            if rule.is_for(client):
                return rule.lane, f"{rule.lane}; {rule.percent:g}%"
        return decision.lane, decision.label

    def _client(self, scope: Scope) -> bytes:
        """Return what tells a client from others and stays the same: its session, or else its address."""
        for name, value in scope["headers"]:
            if name == b"cookie":
                for cookie in value.split(b";"):
                    if cookie.strip().startswith(self._cookie):
                        return bytes(cookie.strip())
        client = scope.get("client")
        return client[0].encode() if client else b""


def view_of(scope: Scope) -> str:
    """Return the name of the view that a request on a lane goes to, or its dotted path; ``""`` where the path
    alone does not tell it. Before the request is served.
    """
    _, match = scope.get(_MATCH, ("", None))
    if match is not None:
        return name_of_match(match)
    view = counted_as(scope)
    return "" if view.startswith(("/", "(")) else view


def counted_as(scope: Scope) -> str:
    """Return what the figures call the view of such a request: one of a bounded number of names."""
    begun: Begun | None = scope.get(BEGUN)
    return "" if begun is None else begun[1].view


def arguments_of(scope: Scope) -> Mapping[str, Any]:
    """Return what the path of such a request gives its view by name, as far as that is known."""
    _, match = scope.get(_MATCH, ("", None))
    return {} if match is None else match.kwargs


def name_of_match(match: Any) -> str:
    """Return the name of a view that a path leads to, or its dotted path."""
    return str(match.view_name if match.url_name else match._func_path)  # noqa: SLF001


def reuse_match(handler: Any, lanes: DjangoLanes) -> None:
    """Let a handler of Django's, WSGI or ASGI, take over what a path was found to lead to."""
    resolve_request: Any = handler.resolve_request

    def resolve(request: Any) -> Any:
        if hasattr(request, "urlconf"):
            lanes.note_urlconf()
            return resolve_request(request)
        scope: Scope = request.META.get(SCOPE) or {}
        path, match = scope.get(_MATCH, ("", None))
        if match is None or path != request.path_info:
            return resolve_request(request)
        request.resolver_match = found = _copy(match)
        return found

    handler.resolve_request = resolve


def _copy(match: Any) -> Any:
    """Copy a match, since middleware may change the arguments that it finds there."""
    copy: Any = object.__new__(ResolverMatch)
    copy.__dict__.update(match.__dict__)
    copy.kwargs = dict(match.kwargs)
    return copy
