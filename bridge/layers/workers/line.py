"""A process's connection to the broker: frames out, frames in, at the pace at which they are dealt with."""

import asyncio
import logging
import socket
from collections import deque
from typing import Final, cast

from hybrid.bridge.layers.workers.framing import Frame, FramingError, Unframer
from hybrid.bridge.unix.forks import close_in_children, forget, silence

logger = logging.getLogger("hybrid.layers")

#: Frames that wait to be dealt with before the broker has to wait, and when it may go on.
_FULL: Final = 2000
_ALMOST_EMPTY: Final = 200
#: Bytes that wait to be sent before who can wait should, and beyond which nothing is taken.
_CROWDED: Final = 1024 * 1024
OVERFULL: Final = 64 * 1024 * 1024


class Line(asyncio.Protocol):
    """The connection. All on its event loop.

    Attributes:
        has_room: whether what is sent leaves at once, more or less.
        is_open: whether anything can be sent.
    """

    def __init__(self, on_room: asyncio.Event) -> None:
        self.has_room = True
        self.is_open = False
        self._room = on_room
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._descriptor = -1
        self._unframer = Unframer()
        self._frames: deque[Frame] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._out: list[bytes] = []
        self._reads = True
        self._is_over = False

    def __repr__(self) -> str:
        return f"<Line {'open' if self.is_open else 'closed'}, {len(self._frames)} frames wait>"

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses
        connection: socket.socket = transport.get_extra_info("socket")
        self._descriptor = connection.fileno()
        close_in_children(self._descriptor)
        self._transport.set_write_buffer_limits(high=_CROWDED)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        try:
            self._frames += self._unframer.feed(data)
        except FramingError as error:
            logger.error("the broker of the channel layer is not understood: %s", error)
            self._transport.abort()
        if len(self._frames) > _FULL and self._reads:
            self._reads = False
            self._transport.pause_reading()
        self._wake()

    def pause_writing(self) -> None:
        """Note that much waits to be sent."""
        self.has_room = False

    def resume_writing(self) -> None:
        """Note that it has been sent."""
        self.has_room = True
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Be over."""
        forget(self._descriptor)
        self.is_open = False
        self._is_over = True
        self._wake()

    # In.

    async def receive(self) -> list[Frame]:
        """Wait for frames, and return those that have come; none when the connection is over."""
        while not self._frames and not self._is_over:
            self._arrived = self._loop.create_future()
            await self._arrived
        frames = list(self._frames)
        self._frames.clear()
        if not self._reads and not self._is_over:
            self._reads = True
            self._transport.resume_reading()
        return frames

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    # Out.

    def send(self, data: bytes) -> bool:
        """Send a frame, together with what else is sent in this turn of the loop; False when far too much
        waits to be sent already.
        """
        if not self.has_room and self._transport.get_write_buffer_size() > OVERFULL:
            return False
        if not self._out:
            self._loop.call_soon(self.flush)
        self._out.append(data)
        return True

    def flush(self) -> None:
        """Hand over to the system what is to be sent."""
        if self._out and self.is_open and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def close(self) -> None:
        """Close it, when what was sent has left."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def silence(self) -> None:
        """Close it without its event loop."""
        silence(self._descriptor)
