"""What all connections of one running server share."""

import asyncio
from email.utils import formatdate
from time import time
from typing import Any, Protocol

from hybrid.bridge.routing import application_for
from hybrid.bridge.types import ASGIApp
from hybrid.server.config import Config
from hybrid.server.outbox import Outbox
from hybrid.server.wire.response import DefaultFields


class OpenConnection(Protocol):
    """What the server does to a connection from outside."""

    def tick(self, now: float) -> None:
        """Look at the deadlines; called about once a second."""
        ...

    def drain(self) -> None:
        """Finish what is in flight, accept nothing new, and close."""
        ...

    def abort(self) -> None:
        """Close at once; what is in flight is cut off."""
        ...


class ServerContext:
    """What all connections of one running server share. Used on the loop's thread, except where said
    otherwise.

    Attributes:
        config: the settings.
        http_application, websocket_application: what requests and handshakes are given to.
        state: what lifespan startup left; each scope gets a shallow copy (ASGI lifespan state).
        connections: every open connection.
        calls: tasks of application calls that run; the set keeps them from being collected.
        outbox: where workers leave responses for the loop to send.
        draining: whether the server is stopping: responses close their connection, nothing new is accepted.
        now: the loop's time at the last tick, in seconds; exact enough for timeouts, and free to read.
        idle_deadline: the loop's time until which a connection that becomes idle now is kept.
        default_fields: the ``Date`` and ``Server`` lines. Read by workers, and so replaced as a whole.
        head_end: these lines and the empty one that ends a head; as above.
    """

    #: Seconds between ticks: the precision of timeouts, and of Date.
    TICK = 1.0

    def __init__(self, config: Config, application: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self.config = config
        self.http_application = application_for("http", application)
        self.websocket_application = application_for("websocket", application)
        self.loop = loop
        self.state: dict[str, Any] = {}
        self.connections: set[OpenConnection] = set()
        self.calls: set[asyncio.Task[None]] = set()
        self.draining = False
        self.outbox = Outbox(loop)
        self.tick()

    def __repr__(self) -> str:
        state = "draining" if self.draining else "serving"
        return f"<ServerContext {state}: {len(self.connections)} connections, {len(self.calls)} calls>"

    def tick(self) -> None:
        """Take the time and let every connection look at its deadlines. The server calls this every
        :attr:`TICK`.
        """
        self.now = self.loop.time()
        self.idle_deadline = self.deadline(self.config.timeout_keep_alive)
        date = formatdate(time(), usegmt=True)  # IMF-fixdate, RFC 9110 section 5.6.7
        self.default_fields = DefaultFields(b"date: %b\r\n" % date.encode("ascii"), b"server: hybrid\r\n")
        self.head_end = b"%b%b\r\n" % self.default_fields
        for connection in tuple(self.connections):
            connection.tick(self.now)

    def deadline(self, seconds: float) -> float:
        """Return the loop time after which ``seconds`` have passed for certain, though :attr:`now` lags by a
        tick.
        """
        return self.now + seconds + self.TICK
