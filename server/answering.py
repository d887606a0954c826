"""A protocol whose requests are answered by exchanges: what HTTP/1.1 and HTTP/2 have in common."""

from time import monotonic

from hybrid.bridge.types import Resolver, Scope, ThreadedApplication
from hybrid.server.body_watch import BodyWatch
from hybrid.server.connection import Connection, Handler
from hybrid.server.exchange import Exchange
from hybrid.server.kinds import Kinds
from hybrid.server.ops.metrics.route_tally import RouteTally, UnroutedTally
from hybrid.server.pipeline import http_scope, resolve
from hybrid.server.threaded import ThreadedExchange
from hybrid.server.wire.http11 import Request


class Answering(Handler):
    """A handler that answers requests, one at a time, by exchanges. Loop thread only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._context = connection.context
        self._kinds = Kinds.of(connection.context)
        tallies = connection.context.tallies
        self._main_tally = None if tallies is None else tallies.main  # of what is no router
        self._exchange: Exchange | ThreadedExchange | None = None
        self._body_watch: BodyWatch | None = None  # from a tick on at which a body is incomplete

    def end_response(self) -> bool:
        """Tell an application that goes on answering that it should end; whether there is one."""
        return self._exchange is not None and self._exchange.end_response()

    def exchange_done(self) -> None:
        """Go on, as the response is complete; exchanges call this."""
        raise NotImplementedError

    def _answer(self, request: Request, *, body_complete: bool) -> None:
        """Find the application for a request, and let it start.

        Raises:
            RequestError, BodyRefused: the request cannot be taken.
        """
        connection, context = self._connection, self._context
        scope: Scope = http_scope(connection, request)
        application = context.http_application
        tally, begun_at = self._main_tally, 0.0
        if isinstance(application, Resolver):
            application, scope = resolve(application, scope)
            if context.tallies is not None:
                tally = context.tallies.of_request(application, scope)
        counts: RouteTally | UnroutedTally | None = tally
        if tally is not None:  # here, and in no function of its own: every request pays for this
            tally.untimed = left = tally.untimed - 1
            if not left:
                counts, begun_at = tally.begin_timed(has_body=not body_complete), monotonic()
        if isinstance(application, ThreadedApplication):
            streams = not body_complete and application.body_policy.stream
            kind = self._kinds.streamed if streams else self._kinds.threaded
            threaded = kind(connection, request, scope, application, self.exchange_done)
            threaded.tally, threaded.begun_at = counts, begun_at
            self._exchange = threaded
            if body_complete:
                threaded.feed_eof()
            else:
                threaded.expect_body()
        else:
            exchange = self._kinds.asgi(connection, request, scope, body_complete, self.exchange_done)
            exchange.tally, exchange.begun_at = counts, begun_at
            self._exchange = exchange
            self._kinds.start(context, application, exchange)

    def _complaint(self, now: float, position: int) -> str:
        """Say why a body has taken too long, if it has; ``position`` grows with each byte of it."""
        if self._body_watch is None:
            self._body_watch = BodyWatch(self._context.config, now, position)
            return ""
        assert self._exchange is not None
        due = self._connection.hears and self._exchange.awaits_body
        return self._body_watch.complaint(now, position, due=due) or ""
