"""The broker's end of the connection of a process."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol, cast

from hybrid.bridge.errors import HybridError
from hybrid.bridge.layers.workers.broker import Broker
from hybrid.bridge.layers.workers.framing import Frame, Unframer, frame
from hybrid.bridge.layers.workers.nodes import Node
from hybrid.bridge.layers.workers.words import Ask, Tell
from hybrid.bridge.unix.forks import close_in_children, forget, silence
from hybrid.bridge.unix.sockets import is_trusted

logger = logging.getLogger("hybrid.layers")

#: Bytes that may wait on the way to a process; messages that do not fit are dropped and counted.
OUT_BYTES: Final = 8 * 1024 * 1024


class Host(Protocol):
    """Who runs the broker, as connections see it."""

    broker: Broker

    @property
    def now(self) -> float:
        """The time, as the broker takes it."""
        ...

    def entered(self, connection: "Connection") -> None:
        """Somebody has connected."""
        ...

    def left(self, connection: "Connection") -> None:
        """Somebody is gone."""
        ...

    def look_whether_quiet(self) -> None:
        """Somebody will say nothing any more."""
        ...

    def consider(self) -> None:
        """Somebody has said something of himself."""
        ...

    def is_dirty(self, connection: "Connection") -> None:
        """Something is to be sent."""
        ...

    def telling(self) -> AbstractContextManager[None]:
        """Send at the end of the block what came to be said in it."""
        ...


class Connection(asyncio.Protocol):
    """The connection of a process, a :class:`~hybrid.bridge.layers.workers.broker.Line` for the broker.

    Attributes:
        has_moved: whether it says nothing any more, as it is about to go to the next broker.
    """

    def __init__(self, service: Host) -> None:
        self.has_moved = False
        self._service = service
        self._unframer = Unframer()
        self._transport: asyncio.Transport
        self._descriptor = -1
        self._node: Node | None = None
        self._out: list[bytes] = []
        self._out_size = 0
        self._received: Callable[[list[Frame]], None] = self._enter

    def __repr__(self) -> str:
        return f"<Connection of {self._node!r}>"

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses
        connection: socket.socket = transport.get_extra_info("socket")
        if not is_trusted(connection):
            logger.warning("a process of another user has connected to the channel layer, and is refused")
            self._transport.abort()
            return
        self._descriptor = connection.fileno()
        close_in_children(self._descriptor)
        self._transport.set_write_buffer_limits(high=OUT_BYTES)
        self._service.entered(self)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        with self._service.telling():
            try:
                frames = self._unframer.feed(data)
                if frames:
                    self._received(frames)
            except HybridError as error:
                logger.error("the channel layer ends a connection: %s", error)
                self._transport.abort()
        self._service.consider()

    def pause_writing(self) -> None:
        """Note that much waits to be sent."""
        # It is not listened to until it reads: its questions would have answers that it does not take.
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Note that it has been sent."""
        self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Be over."""
        forget(self._descriptor)
        self._service.left(self)

    # What it says.

    def _enter(self, frames: list[Frame]) -> None:
        broker = self._service.broker
        self._node = broker.enter(self, frames[0], self._service.now)
        self._received = self._ask
        self._ask(frames[1:])

    def _ask(self, frames: list[Frame]) -> None:
        assert self._node is not None
        farewell = frames.pop() if frames and frames[-1][0] == Ask.BYE else None
        self._service.broker.received(self._node, frames, self._service.now)
        if farewell is not None:
            self._bid(is_for_good=bool(farewell[1:] and farewell[1]))

    def _bid(self, *, is_for_good: bool) -> None:
        """Take a farewell."""
        if is_for_good:
            self.end(self._service.now)
            self._transport.close()
        else:
            self.has_moved = True
            self._service.look_whether_quiet()

    def end(self, now: float) -> None:
        """Forget who this was, unless it goes to the next broker."""
        node, self._node = self._node, None
        if node is not None and not self.has_moved:
            self._service.broker.leave(node, now)

    # What it is told.

    def write(self, data: bytes) -> None:
        """Send what has to arrive."""
        if not self._out:
            self._service.is_dirty(self)
        self._out.append(data)
        self._out_size += len(data)

    def offer(self, data: bytes) -> bool:
        """Send a message unless too much waits already."""
        waiting = self._out_size + self._transport.get_write_buffer_size()
        if waiting and waiting + len(data) > OUT_BYTES:
            return False
        self.write(data)
        return True

    def send(self) -> None:
        """Hand over to the system what is to be sent."""
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        self._out_size = 0
        if not self._transport.is_closing():
            self._transport.write(data)

    def move(self) -> None:
        """Ask it to go to the next broker."""
        if self._node is None:
            self._transport.abort()
        else:
            self.write(frame(Tell.MOVING))

    def close(self) -> None:
        """Close it, when what was said has been sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def silence(self) -> None:
        """Close it without its event loop."""
        silence(self._descriptor)
