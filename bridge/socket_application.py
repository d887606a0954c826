"""The seam through which a server gives WebSockets to applications as sockets.

Apart from :mod:`hybrid.bridge.types`, which the wire code imports too, and that knows no sockets.
"""

from socket import socket
from typing import Protocol

from hybrid.bridge.types import Receive, Scope, ScopedWriter, Send


class SocketExchange(ScopedWriter, Protocol):
    """A WebSocket's handshake, and the socket of its connection: what a server hands to a worker thread.

    It is answered in one of two ways: on the socket, with whatever protocol the application speaks there; or
    as any request is, by one that does not touch the socket. The first that comes counts, and what comes the
    other way afterwards is dropped without an error.
    """

    @property
    def disconnected(self) -> bool:
        """Whether the client has left. Safe to read on any thread."""
        ...

    def take_socket(self) -> socket:
        """Return the socket: blocking, and connected to the client in effect though not in fact. To be called
        once; nobody but the caller keeps it, and it is closed when nobody has it any more (worker).
        """
        ...

    def used(self) -> bool:
        """Tell whether the application has written to the socket (worker; may block it)."""
        ...

    def end(self) -> None:
        """Let go, after the application's call: what was written to the socket still reaches the client
        (worker).
        """
        ...


class SocketApplication:
    """An application that takes each WebSocket as a socket, on a thread of its own choice."""

    __slots__ = ()

    def submit_socket(self, exchange: SocketExchange) -> None:
        """Give the exchange to a worker thread, whose it is from then on. Runs on the loop and returns at
        once.

        Raises:
            PoolFull: no thread is free; the exchange was not taken.
        """
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI ``websocket`` connection, for a server that does not know this class."""
        raise NotImplementedError
