"""Which lane a request takes, decided on the loop before anything else is done with it."""

import logging
from typing import Any, Final, NamedTuple

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
from hybrid.adapters.django.lanes.views import Verdict, depends_on_language, verdict_of
from hybrid.bridge.lanes import Lanes
from hybrid.bridge.routing import path_below
from hybrid.bridge.types import LANE, ASGIApp, Scope

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
        match: what the path leads to; None where nobody but Django's handler can tell.
        rule: what decides for each client by itself, if anything does.
    """

    lane: str
    label: str
    match: Any = None
    rule: Rule | None = None


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
        sets_urlconf: whether a middleware sets ``request.urlconf``.
    """

    runs_on = "thread pool, event loop"

    def __init__(
        self, parts: tuple[ASGIApp, ASGIApp], lifespan: ASGIApp, rules: Rules, *, sets_urlconf: bool
    ) -> None:
        self.parts = parts
        self._threaded, self._on_loop = parts
        self._lifespan = lifespan
        self._rules = rules
        self._sets_urlconf = sets_urlconf
        self._resolver = get_resolver()
        self._by_language = depends_on_language(self._resolver)
        self._known: dict[str, _Decision] = {}
        self._verdicts: dict[Any, Verdict] = {}  # by callback; a project has so many of them and no more
        self._cookie = f"{settings.SESSION_COOKIE_NAME}=".encode("latin-1")

    def __repr__(self) -> str:
        return f"<DjangoLanes {self.runs_on}>"

    @property
    def rules(self) -> Rules:
        """What the configuration says; may be replaced, which counts from the next request on."""
        return self._rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self._rules = rules
        self._known.clear()

    def note_urlconf(self) -> None:
        """A request has had a URLconf of its own: what paths lead to is not known any more. Any thread."""
        if not self._sets_urlconf:
            logger.warning(
                "a middleware sets request.urlconf: requests are served on the wsgi lane from now on"
            )
            self._sets_urlconf = True

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
        lane, label = decision.lane, decision.label
        if decision.rule is not None:
            lane, label = self._for_client(decision, decision.rule, scope)
        scope[LANE] = label
        if decision.match is not None:
            scope[_MATCH] = path or "/", decision.match
        return (self._on_loop if lane == "asgi" else self._threaded), scope

    def _decide(self, path: str) -> _Decision:
        """Resolve a path, and remember what comes of it where others may ask for the same."""
        match = None if self._sets_urlconf else self._match(path)
        verdict = self._verdict(match)
        rule = self._rule(match, path)
        if rule is not None and rule.is_for_all:
            verdict, rule = Verdict(rule.lane, "configured"), None
        usable = None if self._by_language else match
        decision = _Decision(verdict.lane, f"{verdict.lane}; {verdict.reason}", usable, rule)
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

    def _rule(self, match: Any, path: str) -> Rule | None:
        of_view = None if match is None else self._rules.of_view(match.view_name, match._func_path)  # noqa: SLF001
        return of_view or self._rules.of_path(path)

    def _for_client(self, decision: _Decision, rule: Rule, scope: Scope) -> tuple[str, str]:
        if not rule.is_for(self._client(scope)):
            return decision.lane, decision.label
        return rule.lane, f"{rule.lane}; {rule.percent:g}%"

    def _client(self, scope: Scope) -> bytes:
        """Return what tells a client from others and stays the same: its session, or else its address."""
        for name, value in scope["headers"]:
            if name == b"cookie":
                for cookie in value.split(b";"):
                    if cookie.strip().startswith(self._cookie):
                        return bytes(cookie.strip())
        client = scope.get("client")
        return client[0].encode() if client else b""


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
