"""A stream of an HTTP/2 connection, as a connection of its own."""

from typing import Any

from hybrid.server.connection import Connection, Handler, Push
from hybrid.server.stall import StallWatch
from hybrid.server.streams.carrier import Carried


class StreamConnection(Connection):
    """What exchanges, WebSockets and tunnels take for their connection; its transport is a stream.

    It shares the addresses, and what is believed of the client, with the connection that carries it.

    Args:
        carrier: that connection.
        transport: the stream.
        abandoned: the calls of the connection's applications that run on although their clients have left; as
            long as they do.
    """

    __slots__ = ("_abandoned", "_carried_by", "_stream", "push")

    def __init__(self, carrier: Connection, transport: Carried, abandoned: set[Any]) -> None:
        super().__init__(carrier.context)
        self._carried_by = carrier
        self._abandoned = abandoned
        self.push: Push | None = None
        self.transport = self._stream = transport
        self.client = carrier.client
        self.server = carrier.server
        self.scheme = carrier.scheme
        self.tls = carrier.tls
        self.peer = carrier.peer
        self.speaks = carrier.speaks

    def begin(self, handler: Handler) -> None:
        """Let a protocol speak on the stream."""
        self._handler = handler
        self.transport.set_protocol(handler)

    @property
    def descriptor(self) -> int | None:
        """None: the system cannot send to a stream directly."""
        return None

    @property
    def hears(self) -> bool:
        """Whether the client could send on the stream, as far as it depends on this side."""
        return self.reading and self._carried_by.reading and not self._stream.withheld

    @property
    def arriving(self) -> int:
        """Bytes of a body that have come, of a frame that is not complete."""
        return self._stream.arriving

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait for the client, on the stream or, perhaps, on the connection that carries it."""
        return self.transport.get_write_buffer_size() > 0 or self._carried_by.has_unsent

    @property
    def unacknowledged(self) -> int:
        """Bytes that the system keeps for the client, on all streams."""
        return self._carried_by.unacknowledged

    def lost(self) -> None:
        """Give the stream up; the connection that carries it goes on."""
        call = None if self._handler is None else self._handler.call
        if call is not None and not call.done():
            self._abandoned.add(call)
            call.add_done_callback(self._abandoned.discard)
        self.closed = True
        self.push = None
        self._handler = None
        self.writable = False
        if self.on_lost is not None:
            self.on_lost()
        self._wake_waiters()

    def close_after_response(self) -> None:
        """Close when everything written has been sent. What the client still sends holds nothing up here."""
        self.close()

    def _has_stalled(self, now: float) -> bool:
        timeout = self.context.config.timeout_write
        progress = self._stream.progress
        if not timeout or progress is None:
            self._stall = None
            return False
        if self._stall is None:
            self._stall = StallWatch()
        return self._stall.is_same(progress, now, self.context.deadline(timeout))

    def _reset_on_close(self) -> None:
        """Leave the socket alone: the end of a stream is said on it."""
