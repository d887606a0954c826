"""A WebSocket whose client is watched, on a server with limits for it (``ws_limit_*``, ``ws_idle_timeout``,
``ws_max_age``).
"""

from hybrid.bridge.types import Message, Scope
from hybrid.server.connection import Connection
from hybrid.server.websocket.guards import Guards
from hybrid.server.websocket.websocket import State, WebSocket
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.websocket.events import Event
from hybrid.server.wire.websocket.handshake import Handshake


class GuardedWebSocket(WebSocket):
    """A :class:`~hybrid.server.websocket.websocket.WebSocket` that is closed when its client oversteps.

    To one that sends too much nobody listens any more, as if it had broken the protocol.
    """

    def __init__(
        self,
        connection: Connection,
        request: Request,
        handshake: Handshake,
        scope: Scope,
    ) -> None:
        super().__init__(connection, request, handshake, scope)
        self._guards = Guards(connection.context, scope)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client, if it may send so many."""
        overstep = self._guards.take_bytes(len(data)) if self.state is State.OPEN else None
        if overstep is None:
            super().data_received(data)
        else:
            self._fail(overstep.code, overstep.reason)

    def tick(self, now: float) -> None:
        """Look at the time, too."""
        super().tick(now)
        overstep = self._guards.look(now) if self.state is State.OPEN else None
        if overstep is not None:
            self.hang_up(overstep.code, overstep.reason)

    def _encode(self, message: Message) -> bytes:
        self._guards.note_activity()
        return super()._encode(message)

    def _take(self, events: list[Event]) -> None:
        if any(isinstance(event, (str, bytes)) for event in events):
            self._guards.note_activity()
        allowed, overstep = self._guards.take_messages(len(events))
        super()._take(events[:allowed])
        if overstep is not None and self.state is State.OPEN:
            self._fail(overstep.code, overstep.reason)
