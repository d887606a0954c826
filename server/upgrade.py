"""From a request that asks for a WebSocket to whatever answers it: an ASGI call, a socket, or a refusal."""

import logging
from functools import partial
from typing import Final

from hybrid.bridge.socket_application import SocketApplication
from hybrid.bridge.types import Scope
from hybrid.server.caps import Overstep, Place
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.logged.websocket import LoggedGuardedWebSocket, LoggedWebSocket
from hybrid.server.ops.escape import format_client
from hybrid.server.pipeline import resolve, start_call, websocket_scope
from hybrid.server.tunneled import open_tunnel
from hybrid.server.websocket.deflated import deflated
from hybrid.server.websocket.guarded import GuardedWebSocket
from hybrid.server.websocket.guards import Guards, note_overstep
from hybrid.server.websocket.websocket import WebSocket
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import refusal
from hybrid.server.wire.websocket.handshake import HandshakeError, read_handshake

logger = logging.getLogger("hybrid.server")


def upgrade(
    connection: Connection, request: Request, leftover: bytes, kind: "type[WebSocket] | None" = None
) -> None:
    """Give the connection to a WebSocket and start the application on it, or refuse the handshake.

    An application that takes sockets gets one, and speaks the protocol itself.

    Args:
        connection: whose HTTP is over.
        request: the handshake.
        leftover: bytes that came after it.
        kind: what a WebSocket is to be; by default, what the settings ask for.
    """
    context = connection.context
    config = context.config
    if context.draining:
        _refuse(connection, request, HandshakeError(503, "the server is stopping"))
        return
    window_bits = config.ws_deflate_window_bits if config.ws_per_message_deflate else None
    try:
        handshake = read_handshake(request.method, request.http_version, request.headers, window_bits)
    except HandshakeError as error:
        _refuse(connection, request, error)
        return
    scope: Scope = websocket_scope(connection, request, list(handshake.subprotocols))
    application, scope = resolve(context.websocket_application, scope)
    overstep = _enter(connection, scope, application)
    if overstep is None and isinstance(application, SocketApplication):
        open_tunnel(connection, request, scope, application, leftover)
        return
    if kind is None:
        kind = _kind(context)
    if handshake.deflate is not None:
        kind = deflated(kind)
    websocket = kind(connection, request, handshake, scope)
    if context.tallies is not None:
        websocket.tally = context.tallies.of_socket(application, scope)
    websocket.note_application(application)
    connection.switch(websocket, leftover)
    if overstep is None:
        start_call(context, application, websocket)
    else:
        note_overstep(context, overstep, scope)
        websocket.turn_away(overstep.code, overstep.reason)


def _enter(connection: Connection, scope: Scope, application: object) -> Overstep | None:
    """Count a WebSocket until its connection is gone; or return why there is no room for it."""
    caps = connection.context.caps
    if caps is None:
        return None
    place = Place.of(scope["client"], application)
    overstep = caps.enter(place)
    if overstep is None:
        connection.on_lost = partial(caps.leave, place)
    return overstep


def _kind(context: ServerContext) -> type[WebSocket]:
    """Return what the settings ask for: no message pays for what nobody wants."""
    return _KINDS[Guards.wanted(context.config), context.access_log is not None]


_KINDS: Final = {
    (False, False): WebSocket,
    (True, False): GuardedWebSocket,
    (False, True): LoggedWebSocket,
    (True, True): LoggedGuardedWebSocket,
}


def _refuse(connection: Connection, request: Request, error: HandshakeError) -> None:
    """Answer a handshake in place of an application."""
    context = connection.context
    logger.info("%s - refused: %s", format_client(connection.client), str(error))  # not its traceback
    data = refusal(request, error.status, error.reason, context.default_fields, error.headers)
    connection.write(data)
    if context.tallies is not None:
        context.tallies.refused[error.status] += 1
    if context.access_log is not None:
        context.access_log.write_refused(connection.client, request, error.status, data)
    connection.close_after_response()
