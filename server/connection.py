"""A client's connection: who owns the transport, and which protocol is spoken on it now."""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from hybrid.server.context import ServerContext
from hybrid.server.flow_control import FlowControlled
from hybrid.server.forwarded import Peer
from hybrid.server.ops.escape import format_client
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http11 import Request

if TYPE_CHECKING:  # most servers speak neither TLS nor the PROXY protocol, and load neither
    from hybrid.server.tls_facts import TlsFacts
    from hybrid.server.wire.proxy import ProxyHeader

logger = logging.getLogger("hybrid.server")

#: A closing connection still reads until the client has been silent for so long, and for so long in all.
_LINGER_SILENCE = 2.0
_LINGER_SECONDS = 30.0
#: The same while the server stops.
_LAST_SILENCE = 0.2
_LAST_SECONDS = 2.0

#: A value of SO_LINGER: closing a socket resets the connection.
_RESET: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)

#: Bytes that wait for a client that reads slowly, before who writes has to wait.
_WRITE_HIGH_WATER = 64 * 1024

#: An address as asyncio and the socket module give it.
_Name = tuple[Any, ...] | str | bytes | None


#: Answers a request of the server's own, with its header block, beside the one of the client's.
Push = Callable[[Request, bytes], object]


class Connection(FlowControlled):
    """Owns one transport: its flow control in both directions, its addresses, its end. Loop thread only.

    What is spoken on it is a :class:`Handler`'s matter, and :meth:`switch` changes it.

    Attributes:
        context: what the server's connections share.
        transport: asyncio's transport; under TLS the one that encrypts.
        tls: what is known of the TLS connection; None in clear.
        client: address and port of the peer, or None on a Unix socket (ASGI ``client``).
        server: address and port, or path and None, that the connection came to (ASGI ``server``).
        scheme: ``http`` or ``https``.
        peer: what the peer may say of the client in its requests.
        speaks: the same, or None if nothing that it says could change a scope.
        writable: False while the client reads too slowly; :meth:`wait_writable` waits for the end of that.
        on_lost: called once the connection is gone.
        on_writable: called when :attr:`writable` becomes true again.
        reading: False while nothing is taken from the socket.
        closed: whether the connection is gone.
        push: makes the client a promise (RFC 9113 section 8.4), on a stream whose client takes any; or None.
    """

    __slots__ = ("_handler", "client", "on_lost", "peer", "scheme", "server", "speaks", "tls")

    push: Push | None = None

    def __init__(self, context: ServerContext) -> None:
        self.context = context
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int | None] | None = None
        self.scheme = "http"
        self.tls: TlsFacts | None = None
        self._carrier = None
        self.peer: Peer = context.peers.stranger
        self.speaks: Peer | None = None
        self.writable = True
        self.closed = False
        self._handler: Handler | None = None
        self.reading = True
        self.on_lost: Callable[[], object] | None = None
        self.on_writable = None
        self._stall = None
        self._waiters = []

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open" if self.writable else "client reads slowly"
        return f"<Connection {self.client} {state} {self._handler!r}>"

    # What the handler passes on from asyncio.

    def opened(self, transport: asyncio.BaseTransport, handler: "Handler") -> None:
        """Take a new transport over."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._handler = handler
        self.client = _client_address(transport.get_extra_info("peername"))
        self.server = _server_address(transport.get_extra_info("sockname"))
        if transport.get_extra_info("sslcontext") is not None:
            self.scheme = "https"
        self._believe(self.context.peers.find(self.client, self.server))
        self.context.connections.add(self)
        if self.context.draining:  # accepted in the turn of the loop in which the server was told to stop
            handler.drain()

    def secured(self, transport: asyncio.Transport, tls: "TlsFacts") -> None:
        """Speak through TLS from here on; its layer writes to the transport that there was."""
        self._carrier, self.transport = self.transport, transport
        self.tls = tls
        self.scheme = "https"
        # As in clear. Left alone, the loops keep half a megabyte, besides what the carrier has.
        transport.set_write_buffer_limits(high=_WRITE_HIGH_WATER)

    def announced(self, header: "ProxyHeader") -> None:
        """Take the client's addresses from the proxy that has opened the connection.

        It passes on what the client sends, as it is: the client is the one to be believed or not. One that is
        not told is not.
        """
        from hybrid.server.wire.proxy import Origin

        if header.origin is Origin.PROXY:
            return
        self.client = header.source or self.client
        self.server = header.destination or self.server
        if header.secure:
            self.scheme = "https"
        peers = self.context.peers
        known = header.origin is Origin.CLIENT
        self._believe(peers.find(self.client, self.server) if known else peers.stranger)

    def check_underscores(self, request: Request) -> None:
        """Take out of a request, or refuse, what its peer may not send."""
        self.peer.check_underscores(request)

    def check_scheme(self, scheme: str) -> None:
        """Refuse a request for an ``https`` resource that has come in clear, unless from a proxy that is
        believed (RFC 9110 section 7.4).
        """
        if scheme == "https" and self.scheme != "https" and not self.peer.trusted:
            raise RequestError(421, "https on a connection that is not encrypted")

    def _believe(self, peer: Peer) -> None:
        self.peer = peer
        self.speaks = peer if peer.speaks else None

    def lost(self) -> None:
        """Give the transport up, and the handler: with a reference back it, and all of what TLS needs for a
        connection, would wait for the garbage collector.
        """
        self.closed = True
        self._handler = None
        self.writable = False
        self.context.connections.discard(self)
        if self.context.on_connection_closed is not None:
            self.context.on_connection_closed()
        if self.on_lost is not None:
            self.on_lost()
        self._wake_waiters()

    # What handlers and the server call.

    def switch(self, handler: "Handler", leftover: bytes = b"") -> None:
        """Let another protocol speak from here on, starting with bytes that have come already."""
        self._handler = handler
        self.transport.set_protocol(handler)
        self.resume_reading()
        if leftover:
            handler.data_received(leftover)

    def close(self) -> None:
        """Close when everything written has been sent."""
        if not self.transport.is_closing():
            self.transport.close()
        self._close_carrier()

    def close_after_response(self) -> None:
        """Close so that a client that is still sending can read the last response first.

        Under TLS it is not told the end before it falls silent: the layer would take what it sends after that
        for an error. The response itself says that it is the last.
        """
        if self.closed or self.transport.is_closing():
            return
        if self.half_close() or self.tls is not None:
            self.switch(_Lingering(self))
        else:
            self.transport.close()

    def half_close(self) -> bool:
        """Let the client see the end of what is written, and go on reading; False if that cannot be had."""
        if not self.transport.can_write_eof():  # TLS has no half-closed connections
            return False
        try:
            self.transport.write_eof()
        except OSError:  # a reset that asyncio has not seen yet
            return False
        return True

    def abort(self) -> None:
        """Close at once; what has not been sent is dropped, and the client can tell."""
        if self.closed:
            return
        if self._handler is not None and self._handler.ends_by_closing:
            self._reset_on_close()
        self.transport.abort()

    def tick(self, now: float) -> None:
        """Give up a client that takes nothing, and let the protocol act on its deadlines."""
        if not self.has_unsent:
            self._stall = None
        elif self._has_stalled(now):
            logger.info("%s: takes nothing, and is given up", format_client(self.client))
            self.abort()
            return
        self._close_carrier()
        if self._handler is not None:
            self._handler.tick(now)

    def drain(self) -> None:
        """Let the protocol finish what is in flight, and close."""
        if self._handler is not None:
            self._handler.drain()

    @property
    def lasting(self) -> "Sequence[Connection]":
        """What of it is a WebSocket, whose client stays until it is closed, and then comes back: itself, some
        of the streams that it carries, or nothing.
        """
        return () if self._handler is None else self._handler.lasting

    def end_response(self) -> bool:
        """Tell an application that goes on answering that it should end; whether there is one."""
        return self._handler is not None and self._handler.end_response()

    def _reset_on_close(self) -> None:
        """Let the connection end with a reset. One that is closing may not have its descriptor any more."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and not self.transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def _close_carrier(self) -> None:
        """Under TLS, close the connection once everything up to the ``close_notify`` is in its transport.

        That sends it first. The client's own ``close_notify`` is not waited for (RFC 8446 section 6.1): few
        clients send one before they use the connection again, or never.
        """
        carrier = self._carrier
        if carrier is not None and self.transport.is_closing() and not self.transport.get_write_buffer_size():
            carrier.close()


class Handler(asyncio.Protocol):
    """One protocol on a connection: HTTP/1.1, WebSocket, or the silence before a close. Loop thread only.

    It is the transport's asyncio protocol, so that bytes reach it without a detour. A handler never changes
    what it is: to speak something else it gives the connection to another one, with
    :meth:`Connection.switch`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # For subclasses to fill in, besides asyncio's data_received and eof_received.

    @property
    def lasting(self) -> Sequence[Connection]:
        """The connections whose clients stay until they are closed, and then come back."""
        return ()

    @property
    def call(self) -> "asyncio.Task[None] | None":
        """The call of an application that runs on the loop, and whose client does not have all of its answer;
        None without one.
        """
        return None

    @property
    def ends_by_closing(self) -> bool:
        """Whether an incomplete response looks complete to its client when the connection ends as usual, and
        not with a reset (RFC 9112 section 8).
        """
        return False

    def disconnected(self) -> None:
        """The connection is gone; nothing can be sent any more."""

    def tick(self, now: float) -> None:
        """A chance to act on deadlines, about once a second; ``now`` is the loop's time."""

    def drain(self) -> None:
        """The server is stopping: finish what is in flight and close."""

    def end_response(self) -> bool:
        """Tell an application that goes on answering that it should end; whether there is one."""
        return False

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start on a new connection."""
        self._connection.opened(transport, self)

    def pause_writing(self) -> None:
        """The transport's buffer is above its high-water mark."""
        self._connection.writable = False

    def resume_writing(self) -> None:
        """The transport's buffer is below its low-water mark."""
        self._connection.writing_resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport has closed, or failed."""
        self._connection.lost()
        self.disconnected()


class _Lingering(Handler):
    """The silence before a close: reads and drops what the client still sends.

    Closing with unread bytes makes the kernel send a reset, which can overtake the last response, and throw
    away what the kernel still has of it (RFC 9112 section 9.6). Now a client may send all of a body that
    nobody wants before it reads.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._silent_at = connection.context.deadline(_LINGER_SILENCE)
        self._deadline = connection.context.deadline(_LINGER_SECONDS)

    def __repr__(self) -> str:
        return "<Lingering>"

    def data_received(self, data: bytes) -> None:
        """Drop it."""
        context = self._connection.context
        if context.draining:
            self._silent_at = context.loop.time() + _LAST_SILENCE
        else:
            self._silent_at = context.deadline(_LINGER_SILENCE)

    def eof_received(self) -> bool:
        """Close: the client has had its time."""
        return False

    def tick(self, now: float) -> None:
        """Close when the client has fallen silent, or does not."""
        if now >= self._silent_at:
            self._connection.close()  # when all has been sent
        elif now >= self._deadline and not self._connection.has_unsent:
            self._connection.abort()

    def drain(self) -> None:
        """Hurry: everything has been said, though the client may still have to read it."""
        context = self._connection.context
        if not context.patient:
            self._connection.close()
            return
        now = context.loop.time()
        self._silent_at = min(self._silent_at, now + _LAST_SILENCE)
        self._deadline = min(self._deadline, now + _LAST_SECONDS)


def _client_address(peername: _Name) -> tuple[str, int] | None:
    """Read what asyncio says of the peer: two values, four with IPv6, or a path, which is no address."""
    if isinstance(peername, tuple):
        return str(peername[0]), int(peername[1])
    return None


def _server_address(sockname: _Name) -> tuple[str, int | None] | None:
    if isinstance(sockname, tuple):
        return str(sockname[0]), int(sockname[1])
    if isinstance(sockname, bytes):
        return sockname.decode(errors="replace"), None
    return (sockname, None) if isinstance(sockname, str) else None
