"""A Django project on both lanes."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from hybrid.adapters.django.connections import close_broken_connections
from hybrid.adapters.django.lanes.asgi import ASGILane, LaneHandler
from hybrid.adapters.django.lanes.bounds import ThreadCounts, connections_line
from hybrid.adapters.django.lanes.budget import Budget
from hybrid.adapters.django.lanes.choice import DjangoLanes, reuse_match
from hybrid.adapters.django.lanes.control import ControlledLanes, LaneControl
from hybrid.adapters.django.lanes.figures import Figures
from hybrid.adapters.django.lanes.parts import (
    ASGIHandler,
    WSGIHandler,
    connections,
    get_resolver,
    import_string,
    settings,
)
from hybrid.adapters.django.lanes.request import Identities
from hybrid.adapters.django.lanes.rules import Rules, parse_rules
from hybrid.adapters.django.lanes.running import RunningLanes
from hybrid.adapters.django.lanes.state import Project
from hybrid.adapters.django.lanes.threads import StickyThreads
from hybrid.adapters.django.lanes.timing import count
from hybrid.adapters.django.lanes.views import View, sets_urlconf, verdict_of, views_of
from hybrid.adapters.django.lanes.wsgi import WSGILane
from hybrid.bridge.errors import ConfigError
from hybrid.bridge.lanes import TwoLanes
from hybrid.bridge.types import ASGIApp, BodyPolicy, Receive, Scope, Send
from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.siblings import has_siblings

logger = logging.getLogger("hybrid.django")

#: Seconds that the threads of the asgi lane may take to end, when no request is open any more.
_CLOSE_SECONDS = 5.0


class ProjectParts(NamedTuple):
    """What a project has beside its settings.

    Attributes:
        wsgi: its WSGI application; None for Django's handler alone.
        asgi: its ASGI application for HTTP; None for Django's handler alone.
        sockets: what serves WebSockets, if anything does.
        sockets_name: what that is called.
    """

    wsgi: WSGIApplication | None = None
    asgi: ASGIApp | None = None
    sockets: ASGIApp | None = None
    sockets_name: str = ""


class DjangoApplication(TwoLanes):
    """A Django project of which each request runs where its view runs best: synchronous views on the thread
    pool, through Django's WSGI handler; coroutine functions on the event loop, through its ASGI handler.

    Django is set up already; its URLconf is imported here.

    Args:
        parts: what the project has of its own.
        lanes: the table ``[lanes]``: where views, or paths, run that should run elsewhere.
        budget: how much worse a view may do on another lane; None where nothing is judged.
        threads: how many the asgi lane has for synchronous code.
        body_policy: where request bodies of the asgi lane are kept, and how large they may be.

    Attributes:
        threads: those of the asgi lane; who serves no lifespan ends them.

    Raises:
        ConfigError: the table names a view that there is not, or no lane.
    """

    def __init__(
        self,
        parts: ProjectParts,
        *,
        lanes: Mapping[str, Any] | None = None,
        budget: Budget | None = None,
        threads: int = 16,
        body_policy: BodyPolicy | None = None,
    ) -> None:
        middleware = [import_string(path) for path in settings.MIDDLEWARE]
        self._identities = Identities(_identity_headers(middleware))
        self.threads = StickyThreads(threads, close_broken_connections, connections.close_all)
        self._body_policy = body_policy or BodyPolicy(limit=0)
        self._rules = parse_rules(lanes)
        self._budget = budget
        self._sets_urlconf = any(map(sets_urlconf, middleware))
        self._views = list(views_of(get_resolver()))
        _check_views(self._rules, self._views)
        self._asgi = parts.asgi
        self._wsgi: Any = WSGIHandler() if parts.wsgi is None else parts.wsgi
        self._figures = self._make_figures()
        running = RunningLanes(Project(self._views, self._rules), self._figures, budget)
        self._control = self._make_control(running)
        self.wsgi = self._make_wsgi_lane(self._wsgi, self._identities)
        self.sockets = parts.sockets
        self.sockets_name = parts.sockets_name
        self._around_loop: Callable[[ASGIApp], ASGIApp] | None = None

    def __repr__(self) -> str:
        return f"<DjangoApplication {settings.SETTINGS_MODULE}>"

    def try_again(self, percent: float) -> None:
        """Let so many of a hundred requests be tried again on both lanes, once they are answered."""
        self._control.shadow = percent

    def lanes(self, threaded: ASGIApp, threads: int, stuck: int) -> DjangoLanes:
        """Return what chooses between the lanes."""
        asgi = self._asgi
        if asgi is None or type(asgi) is ASGIHandler:
            environs = EnvironBuilder(multithread=True, multiprocess=has_siblings())
            asgi = self._make_handler(environs)
        bounds = ThreadCounts(threads, stuck, self.threads.count)
        line = connections_line(connections.settings, bounds, beside=self.sockets is not None)
        life = Life(self.threads, line, self._control)
        stall = (self._budget or Budget()).stall
        on_loop: ASGIApp = self._make_asgi_lane(asgi, self.threads, stall)
        both = threaded, on_loop if self._around_loop is None else self._around_loop(on_loop)
        lanes = ControlledLanes(both, life, self._rules, self._figures, sets_urlconf=self._sets_urlconf)
        self._control.attach(lanes)
        lanes.runs_on = _summary(self._views, self._rules)
        for handler in (self._wsgi, getattr(self._wsgi, "application", None), asgi):
            if isinstance(handler, (WSGIHandler, ASGIHandler)):
                reuse_match(handler, lanes)
        return lanes

    # What it is made of; an application that is observed has others.

    def _make_figures(self) -> Figures:
        return Figures()

    def _make_control(self, running: RunningLanes) -> LaneControl:
        return LaneControl(running)

    def _make_wsgi_lane(self, application: WSGIApplication, identities: Identities) -> WSGILane:
        return WSGILane(application, identities)

    def _make_handler(self, environs: EnvironBuilder) -> LaneHandler:
        return LaneHandler(environs, self._identities, self._body_policy)

    def _make_asgi_lane(self, application: ASGIApp, threads: StickyThreads, stall: float) -> ASGILane:
        return ASGILane(application, threads, stall)

    def surround(
        self, on_threads: Callable[[WSGIApplication], WSGIApplication], on_loop: Callable[[ASGIApp], ASGIApp]
    ) -> None:
        """Put something around the lanes, and around what serves WebSockets."""
        self.wsgi, self._around_loop = on_threads(self.wsgi), on_loop
        self.sockets = None if self.sockets is None else on_loop(self.sockets)

    def leave_thread(self) -> None:
        """Close the database connections of a thread of the wsgi lane, which is about to end (worker)."""
        connections.close_all()

    def refused(self, scope: Scope) -> None:
        """Count a request for which there is no thread (loop)."""
        count(scope, perf_counter(), failed=True)


class Life:
    """The lifespan of the lanes: what is said at the start, and threads that end."""

    def __init__(self, threads: StickyThreads, line: str, control: LaneControl) -> None:
        self._threads = threads
        self._line = line
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a lifespan (ASGI lifespan specification)."""
        await receive()
        if self._line:
            logger.info("%s", self._line)
        self._control.start()
        try:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        finally:  # it may be cancelled, and the loop go on
            await self._control.leave()
        if not await asyncio.to_thread(self._threads.close, _CLOSE_SECONDS):
            logger.warning("threads of the asgi lane that still run are left behind")
        await send({"type": "lifespan.shutdown.complete"})


def _summary(views: list[View], rules: Rules) -> str:
    """Say how many views are on which lane, but for what clients and paths have to do with it."""
    lanes: list[str] = []
    for view in views:
        rule = rules.of_view(view.name, view.dotted_path)
        lanes.append(rule.lane if rule is not None and rule.is_for_all else verdict_of(view.callback).lane)
    return f"thread pool: {lanes.count('wsgi')} views, event loop: {lanes.count('asgi')} views"


def _check_views(rules: Rules, views: list[View]) -> None:
    """Refuse rules for views that are not there: they would do nothing, and nobody would notice."""
    known = {name for view in views for name in (view.name, view.dotted_path)}
    for name in rules.views:
        if name not in known:
            raise ConfigError(f"lanes.{name}: there is no view of this name; paths begin with a slash")


def _identity_headers(middleware: list[Any]) -> list[str]:
    """Return the keys of META in which authentication middleware looks for a user."""
    return [
        each.header
        for each in middleware
        if any(base.__name__ == "RemoteUserMiddleware" for base in getattr(each, "__mro__", ()))
    ]
