"""What a client sends on a stream, on its way to whoever speaks there."""

import asyncio
from collections import deque
from typing import Final

from hybrid.server.streams.carrier import Carried, Carrier
from hybrid.server.streams.connection import StreamConnection
from hybrid.server.wire.http2.events import BodyReceived
from hybrid.server.wire.http2.stream import Stream

#: Bytes up to which parts of a body that wait to be read are put together.
_PART: Final = 16 * 1024


class Incoming(Carried):
    """The client's half of a stream as a transport. Loop thread only.

    What comes is bounded by the stream's window, which is given back as the protocol takes it.

    Args:
        carrier: the handler of the connection.
        stream: the stream.
    """

    __slots__ = ("_carrier", "_held", "_owed", "_protocol", "_reading", "connection")

    connection: StreamConnection  # whose transport this is, until nothing more happens

    def __init__(self, carrier: Carrier, stream: Stream) -> None:
        # asyncio's own constructor makes a dictionary that nobody looks at.
        self.stream = stream
        self._carrier: Carrier | None = carrier  # until nothing more happens
        self._protocol: asyncio.Protocol | None = None
        self._reading = True
        self._held: deque[BodyReceived] = deque()  # what has come while nobody reads
        self._owed = 0  # bytes that the protocol has taken, and the client may not send again yet

    # What the carrier calls.

    def received(self, part: BodyReceived) -> None:
        """Take a part of what the client sends."""
        if self._held or not self._reading:
            self._hold(part)
        else:
            self._give(part)

    def _hold(self, part: BodyReceived) -> None:
        """Keep a part until it is wanted. Small ones, each with a frame of its own, would take many times as
        much memory as what is in them.
        """
        held, carrier = self._held, self._carrier
        if carrier is None:
            return
        carrier.session.hold(part.size)
        if held and len(held[-1].data) + len(part.data) <= _PART:
            last = held.pop()
            part = BodyReceived(part.stream, last.data + part.data, last.size + part.size, part.ended)
        held.append(part)

    def _give(self, part: BodyReceived) -> None:
        """Give a part to the protocol, and its room back to the client unless the protocol has had enough."""
        protocol = self._protocol
        if protocol is None:
            return
        if part.data:
            protocol.data_received(part.data)
        self._owed += part.size
        if part.ended:
            if not protocol.eof_received():
                self.close()
        elif self._reading:
            self._give_back()

    def _give_back(self) -> None:
        if self._owed and self._carrier is not None:
            self._carrier.session.credit(self.stream, self._owed)
            self._owed = 0

    def _go_on(self) -> None:
        """Give the protocol what came while it did not read, as far as it reads now."""
        carrier = self._carrier
        if carrier is None or not self._reading:
            return
        self._give_back()
        while self._held and self._reading and self._carrier is not None:
            part = self._held.popleft()
            self._carrier.session.hold(-part.size)
            self._give(part)
        carrier.flush_soon()

    def _drop_held(self) -> None:
        if self._held and self._carrier is not None:
            self._carrier.session.hold(-sum(part.size for part in self._held))
        self._held.clear()

    # What the connection of the stream asks.

    @property
    def withheld(self) -> bool:
        """Whether the client may have to wait until other streams have been read."""
        return self._carrier is not None and self._carrier.session.withholds

    @property
    def arriving(self) -> int:
        """Bytes of a DATA frame that is not complete."""
        return 0 if self._carrier is None else self._carrier.session.arriving(self.stream.number)

    # What asyncio's transports do.

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol speak."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return what speaks."""
        assert self._protocol is not None
        return self._protocol

    def pause_reading(self) -> None:
        """Give the protocol nothing more; the client may send what its window allows."""
        self._reading = False

    def resume_reading(self) -> None:
        """Give the protocol what has come, and what comes; in another turn of the loop, as sockets do."""
        self._reading = True
        if self._carrier is not None and (self._owed or self._held):
            self.connection.context.loop.call_soon(self._go_on)

    def is_reading(self) -> bool:
        """Whether the protocol is given what comes."""
        return self._reading
