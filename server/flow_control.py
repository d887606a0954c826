"""Flow control of a transport, in both directions: who writes waits for a client that reads slowly, who reads
makes a client wait, and one that takes nothing is noticed.
"""

import asyncio
from collections.abc import Callable

from hybrid.bridge.errors import ClientDisconnected
from hybrid.server.context import ServerContext
from hybrid.server.stall import StallWatch, system_queue


class FlowControlled:
    """What a connection has of its transport while it is open. Loop thread only.

    It has no constructor: :class:`~hybrid.server.connection.Connection`, which has the attributes, sets them
    all, since each stream of HTTP/2 is one, and a call more for it would be one more for each request.
    """

    __slots__ = (
        "_carrier", "_stall", "_waiters",
        "closed", "context", "on_writable", "reading", "transport", "writable",
    )  # fmt: skip

    context: ServerContext
    transport: asyncio.Transport
    writable: bool
    reading: bool
    closed: bool
    on_writable: Callable[[], object] | None
    _carrier: asyncio.Transport | None  # of the encrypted bytes, under TLS
    _stall: StallWatch | None  # while bytes wait for the client
    _waiters: list[asyncio.Future[None]]

    # Towards the client.

    def write(self, data: bytes) -> None:
        """Send bytes, or buffer them; see :attr:`writable`. Does nothing once the connection is gone."""
        if data and not self.closed:
            self.transport.write(data)

    async def wait_writable(self) -> None:
        """Wait until the client has read enough.

        Raises:
            ClientDisconnected: the connection is gone.
        """
        while not self.writable:
            if self.closed:
                raise ClientDisconnected("the client has left")
            waiter = self.context.loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)

    def writing_resumed(self) -> None:
        """The client has read enough: let those go on who wait."""
        self.writable = True
        self._wake_waiters()
        if self.on_writable is not None:
            self.on_writable()

    @property
    def descriptor(self) -> int | None:
        """The socket's, for the system to send to it directly, until the transport is closing; None under
        TLS.
        """
        if self.transport.get_extra_info("sslcontext") is not None:
            return None
        sock = self.transport.get_extra_info("socket")
        return None if sock is None else int(sock.fileno())

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait in the transport for the client to read."""
        if self._carrier is not None and self._carrier.get_write_buffer_size():
            return True
        return self.transport.get_write_buffer_size() > 0

    @property
    def unacknowledged(self) -> int:
        """Bytes that the system keeps until the client has acknowledged them; 0 where it does not tell."""
        return system_queue(self._carrier or self.transport)

    def _has_stalled(self, now: float) -> bool:
        timeout = self.context.config.timeout_write
        if not timeout:
            return False
        if self._stall is None:
            self._stall = StallWatch()
        return self._stall.has_stalled(self._carrier or self.transport, now, self.context.deadline(timeout))

    def _wake_waiters(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    # From the client.

    @property
    def hears(self) -> bool:
        """Whether the client could send, as far as it depends on this side."""
        return self.reading

    @property
    def arriving(self) -> int:
        """Bytes of a body that have come, and are not passed on before the rest of their frame."""
        return 0

    def pause_reading(self) -> None:
        """Take no more bytes from the socket; may be called repeatedly."""
        if self.reading and not self.closed:
            self.reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes from the socket again; may be called repeatedly."""
        if not self.reading and not self.closed:
            self.reading = True
            self.transport.resume_reading()
