"""The WebSockets of a Flask application, as an ASGI application."""

import logging
from typing import Final, NamedTuple

from flask import Flask

from hybrid.adapters.flask.connection import INTERNAL_ERROR, Connection
from hybrid.adapters.flask.origins import Origins
from hybrid.adapters.flask.runs import AsyncRun, Outcome, ThreadRun
from hybrid.adapters.flask.visit import Visit, plain
from hybrid.bridge.consumers.run import RAISE_ERRORS
from hybrid.bridge.errors import PoolFull
from hybrid.bridge.lifespan import lifespan_app
from hybrid.bridge.routing import not_found, refusing
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.bridge.wsgi.socket_threads import SocketThreads

logger = logging.getLogger("hybrid.flask")

_lifespan: Final = lifespan_app(())


class Options(NamedTuple):
    """What all WebSockets of an application have in common.

    Attributes:
        origins: whose pages may open them.
        layer: the alias of the channel layer for their groups.
        threads: what handlers that are plain functions run on, one thread for each WebSocket.
    """

    origins: Origins
    layer: str
    threads: SocketThreads


class FlaskSockets:
    """The ASGI application that serves the WebSockets of a Flask application, and answers nothing else.

    Args:
        app: the Flask application, whose URL rules say which WebSockets there are.
        options: see there.
    """

    def __init__(self, app: Flask, options: Options) -> None:
        self.app = app
        self._options = options

    def __repr__(self) -> str:
        return f"<FlaskSockets of {self.app.name}>"

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

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        if not self._options.origins.permits(scope):
            logger.info("websocket %s: refused, as its Origin is another site's", _shown(scope["path"]))
            await refusing(403)(scope, receive, send)
            return
        visit = Visit(self.app, scope)
        connection = Connection(scope, receive, send, self._options.layer)
        try:
            refusal = visit.find()
            outcome = Outcome(refusal) if refusal else await self._visit(visit, connection)
            await self._finish(connection, outcome)
        finally:
            connection.abandon()
        if outcome.error is not None and scope.get(RAISE_ERRORS):
            raise outcome.error

    async def _visit(self, visit: Visit, connection: Connection) -> Outcome:
        try:
            if visit.view.is_async:
                return await AsyncRun(visit, connection).run()
            return await ThreadRun(visit, connection).run(self._options.threads)
        except PoolFull as error:
            logger.error("%s: %s", visit.name, error)
            return Outcome(plain(503, "Too many WebSockets are open."))

    async def _finish(self, connection: Connection, outcome: Outcome) -> None:
        if outcome.refusal is not None:
            await connection.refuse(outcome.refusal)
        elif outcome.error is not None:
            await connection.close(INTERNAL_ERROR)
        await connection.end()


def _shown(path: str) -> str:
    """Write a path for the log, without control characters that a client put into it."""
    return path.encode("unicode_escape").decode("ascii")
