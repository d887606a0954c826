"""The WebSockets of a Flask application, as an ASGI application."""

import functools
import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from flask import Flask

from hybrid.adapters.flask import middleware
from hybrid.adapters.flask.connection import INTERNAL_ERROR, Connection
from hybrid.adapters.flask.environ import environ_of
from hybrid.adapters.flask.origins import Origins
from hybrid.adapters.flask.runs import AsyncRun, Outcome, ThreadRun
from hybrid.adapters.flask.threads import on_a_thread
from hybrid.adapters.flask.visit import FULL, Refusal, Visit, Whose, plain
from hybrid.bridge.auth.fields import shown
from hybrid.bridge.consumers.run import RAISE_ERRORS
from hybrid.bridge.errors import PoolFull
from hybrid.bridge.lifespan import lifespan_app
from hybrid.bridge.routing import not_found
from hybrid.bridge.types import ASGIApp, Receive, Scope, Send
from hybrid.bridge.wsgi.socket_threads import SocketThreads

logger = logging.getLogger("hybrid.flask")

_lifespan: Final = lifespan_app(())


class Options(NamedTuple):
    """What all WebSockets of an application have in common.

    Attributes:
        origins: whose pages may open them.
        layer: the alias of the channel layer for their groups.
        threads: what handlers that are plain functions run on, one thread for each WebSocket.
        user_id: says whose a handshake is, in its request context; None for nobody's.
        around: makes an ASGI application of another one, which is to serve all of them; None for none.
    """

    origins: Origins
    layer: str
    threads: SocketThreads
    user_id: Whose | None = None
    around: Callable[[ASGIApp], ASGIApp] | None = None


class FlaskSockets:
    """The ASGI application that serves the WebSockets of a Flask application, and answers nothing else.

    Args:
        app: the Flask application, whose URL rules say which WebSockets there are.
        options: see there.
    """

    def __init__(self, app: Flask, options: Options) -> None:
        self.app = app
        self._options = options
        self._serve: ASGIApp = self._serve_socket
        if options.around is not None:
            self._serve = options.around(self._serve_socket)

    def __repr__(self) -> str:
        return f"<FlaskSockets of {self.app.name}>"

    def takes(self, scope: Scope) -> bool:
        """Return whether a WebSocket has a route here; others may be flask-sock's or Flask-SocketIO's."""
        return Visit(self.app, environ_of(scope)).has_route()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        match scope["type"]:
            case "websocket":
                await self._serve(scope, receive, send)
            case "lifespan":
                await _lifespan(scope, receive, send)
            case "http":
                await not_found(scope, receive, send)
            case other:
                raise ValueError(f"the WebSockets of a Flask application have no scopes of type {other!r}")

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        connection = Connection(scope, receive, send, self._options.layer)
        try:
            outcome = await self._outcome(scope, connection)
            await self._finish(connection, outcome)
        finally:
            await connection.abandon()
        if outcome.error is not None and scope.get(RAISE_ERRORS):
            raise outcome.error

    async def _outcome(self, scope: Scope, connection: Connection) -> Outcome:
        """Let the middleware, Flask and the handler have their say."""
        try:
            environ = await self._through_middleware(environ_of(scope))
            if isinstance(environ, Refusal):
                return Outcome(environ)
            if not self._options.origins.permit(environ):
                logger.warning(
                    "websocket %s: refused: origin %s is not that of the application (%s), and not allowed",
                    shown(scope["path"]),
                    shown(environ["HTTP_ORIGIN"]),
                    shown(environ.get("HTTP_HOST", "no Host")),
                )
                return Outcome(plain(403, "WebSockets are not for pages of other sites."))
            return await self._visit(Visit(self.app, environ, self._options.user_id), connection)
        except PoolFull as error:
            logger.error("websocket %s: %s", shown(scope["path"]), error)
            return Outcome(FULL)

    async def _through_middleware(self, environ: dict[str, Any]) -> dict[str, Any] | Refusal:
        if not middleware.is_there(self.app):
            return environ
        return await on_a_thread(functools.partial(middleware.travel, self.app, environ))

    async def _visit(self, visit: Visit, connection: Connection) -> Outcome:
        refusal = visit.find()
        if refusal is not None:
            return Outcome(refusal)
        if visit.view.is_async:
            return await AsyncRun(visit, connection).run()
        return await ThreadRun(visit, connection).run(self._options.threads)

    async def _finish(self, connection: Connection, outcome: Outcome) -> None:
        if outcome.refusal is not None:
            await connection.refuse(outcome.refusal)
        elif outcome.error is not None:
            await connection.close(INTERNAL_ERROR)
        await connection.end()
