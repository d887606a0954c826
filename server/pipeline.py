"""From a request to an application call, and from every outcome of the call to a response."""

import asyncio
import logging
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import ASGIApp, Receive, Resolver, Scope, Send
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.departure import came_of_departure
from hybrid.server.extensions import websocket_extensions
from hybrid.server.forwarded import MEANING
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.target import split_target

logger = logging.getLogger("hybrid.server")


class Call(Protocol):
    """One application call, as :func:`start_call` drives it."""

    scope: Scope
    task: asyncio.Task[None]

    @property
    def receive(self) -> Receive:
        """What the application receives with."""
        ...

    @property
    def send(self) -> Send:
        """What the application sends with."""
        ...

    @property
    def departed(self) -> bool:
        """Whether ``send`` may have raised :class:`~hybrid.bridge.errors.ClientDisconnected`. If not, it was
        another call's.
        """
        ...

    def returned(self) -> None:
        """The application returned."""
        ...

    def failed(self) -> None:
        """The application raised; it has been logged."""
        ...


def http_scope(connection: Connection, request: Request) -> dict[str, Any]:
    """Build the ASGI ``http`` scope (ASGI HTTP specification, "Connection Scope").

    Raises:
        RequestError: what a proxy says of the request contradicts itself.
    """
    path, raw_path, query = request.parts or split_target(request.target)
    context = connection.context
    root_path = context.config.root_path
    if root_path and path != "*":
        path = root_path + path
        raw_path = _as_sent(root_path) + raw_path
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": request.http_version,
        "method": request.method,
        "scheme": connection.scheme,
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": root_path,
        "headers": request.headers,
        "client": connection.client,
        "server": connection.server,
        "state": context.state.copy(),
        "extensions": context.extensions[request.http_version].copy()
        if connection.tls is None
        else {**context.extensions[request.http_version], **connection.tls.extensions()},
    }
    speaks = connection.speaks
    if speaks is not None:
        memo = request.memo
        if memo is None or memo.get(MEANING, memo) is not None:  # the usual request: its fields mean nothing
            speaks.apply(scope, request)
    return scope


@lru_cache(maxsize=8)
def _as_sent(path: str) -> bytes:
    """Write a path as a client does that asks for it."""
    return quote(path).encode("ascii")


def websocket_scope(connection: Connection, request: Request, subprotocols: list[str]) -> dict[str, Any]:
    """Build the ASGI ``websocket`` scope (ASGI WebSocket specification, "Connection Scope")."""
    scope = http_scope(connection, request)
    del scope["method"]
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    scope["subprotocols"] = subprotocols
    scope["extensions"] = websocket_extensions(connection.context.shutdown)
    if connection.tls is not None:
        scope["extensions"] |= connection.tls.extensions()
    return scope


def resolve(application: ASGIApp, scope: Scope) -> tuple[ASGIApp, Scope]:
    """Follow routers, without awaiting them, to the application that does the work; a router's failure is a
    500.
    """
    try:
        while isinstance(application, Resolver):
            application, scope = application.resolve(scope)
    except Exception:
        logger.exception("%s: routing failed", describe(scope))
        return _fail, scope
    return application, scope


async def _fail(scope: Scope, receive: Receive, send: Send) -> None:
    """Return at once, which the pipeline answers with an error."""


def start_call(context: ServerContext, application: ASGIApp, call: Call) -> None:
    """Run an application call as a task of its own, in the context that the settings say."""
    task = context.create_task(run_call(application, call, context.calls))
    call.task = task
    context.calls.add(task)


async def run_call(application: ASGIApp, call: Call, calls: set[asyncio.Task[None]]) -> None:
    """Await an application; whatever comes of it is told to the call, and nothing is raised but cancellation.

    ``SystemExit`` and ``KeyboardInterrupt`` out of an application would end the loop with everybody's
    connections.
    """
    try:
        await application(call.scope, call.receive, call.send)
        call.returned()
    except asyncio.CancelledError as error:
        call.failed()
        raise error.with_traceback(None)  # noqa: B904 - the task keeps it, and so all that its frames hold
    except BaseException as error:
        if call.departed and came_of_departure(error):
            if not isinstance(error, ClientDisconnected):
                name = type(error).__name__
                logger.info("%s: ended with %s, as its client has left", describe(call.scope), name)
            call.returned()
        else:
            logger.exception("%s: the application failed", describe(call.scope))
            call.failed()
    finally:
        calls.discard(call.task)


def describe(scope: Scope) -> str:
    """Name a request in the log, without control characters that a client might have put into its path."""
    name = scope.get("method", scope["type"])
    return f"{name} {scope['path'].encode('unicode_escape').decode('ascii')}"
