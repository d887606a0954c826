"""A transport for clients under test, and a client on it."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from benchmarks.loads.clients import Client, Meter
from benchmarks.loads.websocket import WEBSOCKET_ACCEPT

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + WEBSOCKET_ACCEPT + b"\r\n\r\n"

AnyClient = TypeVar("AnyClient", bound=Client)


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the data."""
        self.written.append(bytes(data))

    def abort(self) -> None:
        """Remember the end."""
        self.aborted = True


class Setup(Generic[AnyClient]):
    """A client on a wire, its meter, and whether the meter asked for the end."""

    def __init__(self, build: Callable[[Meter], AnyClient], limit: int = 1000) -> None:
        self.stopped = False
        self.meter = Meter(limit, self.stop)
        self.client = build(self.meter)
        self.wire = Wire()
        self.client.connection_made(self.wire)

    def stop(self) -> None:
        """Called by the meter."""
        self.stopped = True

    def receive(self, *chunks: bytes) -> None:
        """Let the client read each chunk."""
        for chunk in chunks:
            self.client.data_received(chunk)
