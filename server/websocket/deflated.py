"""A WebSocket whose messages may be compressed, on a server that does so (``ws_per_message_deflate``)."""

from functools import partial
from types import new_class

from hybrid.bridge.types import Message, Receive, Scope
from hybrid.server.connection import Connection
from hybrid.server.websocket.inbox import BACKLOG_BYTES
from hybrid.server.websocket.outgoing import encode_message
from hybrid.server.websocket.websocket import State, WebSocket
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.websocket.deflate import Deflater, Inflater
from hybrid.server.wire.websocket.handshake import Handshake
from hybrid.server.wire.websocket.inflating import InflatingParser


class DeflatedWebSocket(WebSocket):
    """A :class:`~hybrid.server.websocket.websocket.WebSocket` with permessage-deflate, on which the handshake
    has agreed (RFC 7692).

    A few bytes can become many messages: what they inflate to counts where otherwise their own bytes do, and
    while the application has enough to do, the rest of them waits as it came.
    """

    _parser: InflatingParser

    def __init__(
        self,
        connection: Connection,
        request: Request,
        handshake: Handshake,
        scope: Scope,
    ) -> None:
        super().__init__(connection, request, handshake, scope)
        config = connection.context.config
        assert handshake.deflate is not None
        self._deflater = Deflater(handshake.deflate, config.ws_deflate_threshold)
        self._parser = InflatingParser(config.ws_max_size, Inflater(handshake.deflate), BACKLOG_BYTES)
        self._compress = partial(
            encode_message,
            text_encoder=self._deflater.encode_text,
            binary_encoder=self._deflater.encode_binary,
        )

    @property
    def receive(self) -> Receive:
        """What the application receives with."""
        return self._receive

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client, as far as there is room for what is in them."""
        something_waited = not self._inbox.empty
        super().data_received(data)
        if something_waited and self._parser.weight:
            self._inbox.count(self._parser.weight)
        self._parser.weight = 0
        if self._parser.held:
            self._hold()

    def tick(self, now: float) -> None:
        """Let go of memory that is not used, too."""
        super().tick(now)
        self._deflater.rest()

    async def _receive(self) -> Message:
        message = await self._inbox.receive()
        if self._parser.held and not self._inbox.full:
            self.data_received(b"")
        return message

    def _hold(self) -> None:
        """Go on when the application has received what it has been given; when it is over, soon."""
        if self.state is State.OPEN:
            self._inbox.pause()
        elif self.state is State.CLOSING:
            self._connection.context.loop.call_soon(self.data_received, b"")

    def _encode(self, message: Message) -> bytes:
        return self._compress(message)

    def _start_closing(self) -> None:
        super()._start_closing()
        if self._parser.held:
            self._hold()

    def _end(self, code: int, reason: str = "") -> None:
        super()._end(code, reason)
        self._deflater.release()


_MADE: dict[type[WebSocket], type[WebSocket]] = {WebSocket: DeflatedWebSocket}


def deflated(kind: type[WebSocket]) -> type[WebSocket]:
    """Return the kind of WebSocket that does what this one does, and compresses."""
    if kind not in _MADE:
        _MADE[kind] = new_class(f"Deflated{kind.__name__}", (kind, DeflatedWebSocket))
    return _MADE[kind]
