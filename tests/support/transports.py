"""A transport without a network: shows what a connection does to it, and lets a test play the client."""

import asyncio
from typing import Any


class FakeTransport(asyncio.Transport):
    """Stands in for a socket's transport, for tests of one connection.

    Attributes:
        written: every byte that was written.
        closing: whether it has been closed, in either way.
        aborted: whether it was closed without sending what waits.
        eof_written: whether our direction was closed first.
    """

    def __init__(self, **extra: Any) -> None:
        super().__init__(extra)
        self.written = bytearray()
        self._reading = True
        self.closing = False
        self.aborted = False
        self.eof_written = False
        self._protocol: asyncio.BaseProtocol | None = None

    def __repr__(self) -> str:
        return f"<FakeTransport {len(self.written)} bytes written, closing={self.closing}>"

    def is_reading(self) -> bool:
        """Tell whether the connection wants to read."""
        return self._reading

    def take(self) -> bytes:
        """Return what was written since the last call."""
        data = bytes(self.written)
        self.written.clear()
        return data

    # What the client does.

    def connect(self, protocol: asyncio.Protocol) -> None:
        """Give the transport to its first protocol."""
        self._protocol = protocol
        protocol.connection_made(self)

    @property
    def protocol(self) -> asyncio.Protocol:
        """The protocol that bytes go to now."""
        assert isinstance(self._protocol, asyncio.Protocol)
        return self._protocol

    def receive(self, data: bytes) -> None:
        """Let bytes arrive from the client; a transport that is closed delivers nothing."""
        if not self.closing:
            self.protocol.data_received(data)

    def receive_eof(self) -> None:
        """Let the client close its direction."""
        if not self.closing and not self.protocol.eof_received():
            self.close()

    def lose(self) -> None:
        """Let the connection break."""
        self.closing = True
        self.protocol.connection_lost(ConnectionResetError())

    # What asyncio's transports do.

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Send what happens to another protocol from now on."""
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes for the test."""
        assert not self.eof_written, "bytes after the end"
        self.written += data

    def write_eof(self) -> None:
        """Close our direction."""
        self.eof_written = True

    def can_write_eof(self) -> bool:
        """Say yes: a plain socket can."""
        return True

    def get_write_buffer_size(self) -> int:
        """Say that everything has been sent."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: a test says itself when the buffer is full."""

    def is_closing(self) -> bool:
        """Tell whether the connection has closed it."""
        return self.closing

    def pause_reading(self) -> None:
        """Deliver nothing more, if the test plays along."""
        assert self._reading
        self._reading = False

    def resume_reading(self) -> None:
        """Deliver again."""
        assert not self._reading
        self._reading = True

    def close(self) -> None:
        """Close; the protocol hears of it in the loop's next turn, as from a real transport."""
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        """Close without sending the rest."""
        self.aborted = True
        self.close()
