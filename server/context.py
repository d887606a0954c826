"""What all connections of one running server share."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextvars import Context, copy_context
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any, Protocol

from hybrid.bridge.gateway import Gateway
from hybrid.bridge.routing import application_for
from hybrid.bridge.shutdown import CURRENT, ShutdownNotice
from hybrid.bridge.types import ASGIApp
from hybrid.server.config import Config
from hybrid.server.extensions import http_extensions
from hybrid.server.forwarded import Peers
from hybrid.server.frameworks import route_finder
from hybrid.server.gate import Gate
from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.atoms import LineFormat
from hybrid.server.ops.metrics.tallies import Tallies
from hybrid.server.outbox import Outbox
from hybrid.server.wire.response import DefaultFields, note_default_names

if TYPE_CHECKING:  # most servers have no such limit
    from hybrid.server.caps import Caps


class OpenConnection(Protocol):
    """What the server does to a connection from outside."""

    @property
    def lasting(self) -> "Collection[OpenConnection]":
        """What of it is a WebSocket, whose client stays until it is closed, and then comes back: itself, some
        of the streams that it carries, or nothing.
        """
        ...

    def tick(self, now: float) -> None:
        """Look at the deadlines; called about once a second."""
        ...

    def drain(self) -> None:
        """Finish what is in flight, accept nothing new, and close."""
        ...

    def end_response(self) -> bool:
        """Tell an application that goes on answering that it should end; whether there is one."""
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
        on_connection_closed: called when one of them has closed, which makes room for another.
        caps: counts open WebSockets; None when there may be any number.
        limits_hit: how often each limit on WebSockets was hit, by the name of its setting.
        calls: tasks of application calls that run; the set keeps them from being collected.
        create_task: makes the task of an application call, in the context that it is to have.
        gate: what lets requests into the applications; None when any number may be there.
        access_log: logs what has been answered; None when nobody wants that.
        outbox: where workers leave responses for the loop to send.
        tallies: counts what is served; None when nobody wants that.
        peers: who is believed what of the client.
        draining: whether the server is stopping: responses close their connection, nothing new is accepted.
        patient: whether a client that may be about to use its connection again is given a moment to.
        shutdown: the notice to applications that the server is stopping.
        extensions: what scopes have as ``extensions``, by the HTTP version of their requests; to be copied.
        now: the loop's time at the last tick, in seconds; exact enough for timeouts, and free to read.
        idle_deadline: the loop's time until which a connection that becomes idle now is kept.
        default_fields: the lines of ``Date``, ``Server`` and other fields that each response gets. Read by
            workers, and so replaced as a whole.
        head_end: these lines and the empty one that ends a head; as above.
    """

    #: Seconds between ticks: the precision of timeouts, and of Date.
    TICK = 1.0

    def __init__(
        self,
        config: Config,
        application: ASGIApp,
        loop: asyncio.AbstractEventLoop,
        notice: ShutdownNotice | None = None,
    ) -> None:
        self.config = config
        self.http_application = application_for("http", application)
        self.websocket_application = application_for("websocket", application)
        self.loop = loop
        self.state: dict[str, Any] = {}
        self.connections: set[OpenConnection] = set()
        self.on_connection_closed: Callable[[], object] | None = None
        self.caps = _caps(config)
        self.limits_hit: Counter[str] = Counter()
        self.calls: set[asyncio.Task[None]] = set()
        self.create_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = (
            self._create_apart if config.reset_contextvars else loop.create_task
        )
        self.peers = Peers(config)
        self.draining = False
        self.gate = Gate.of(config, loop)
        self.patient = False
        self.shutdown = notice or ShutdownNotice()
        self.extensions = http_extensions(config, self.shutdown)
        self.outbox = Outbox(loop)
        self._started_with = copy_context()
        self._constant_fields = _constant_fields(config)
        self._sends_date = config.date_header and not any(name == "date" for name, _ in config.header_fields)
        labels = application.labels() if isinstance(application, Gateway) else {}
        self.access_log = _access_log(config, labels)
        self.tallies = Tallies(labels, self.http_application, route_finder) if config.metrics else None
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
        self.default_fields = self._date() + self._constant_fields
        self.head_end = b"".join(self.default_fields) + b"\r\n"
        for connection in tuple(self.connections):
            connection.tick(self.now)

    def run_apart(self, function: Callable[[], object]) -> None:
        """Call a function with the contextvars that the server was started with, and not those of the
        application call, or of the worker, whose end is the occasion: what it starts must not inherit them.
        """
        self._started_with.copy().run(function)

    def _create_apart(self, call: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a call in a context of its own, which is empty but for the notice."""
        context = Context()
        context.run(CURRENT.set, self.shutdown)
        return self.loop.create_task(call, context=context)

    def _date(self) -> DefaultFields:
        if not self._sends_date:
            return ()
        date = formatdate(time(), usegmt=True)  # IMF-fixdate, RFC 9110 section 5.6.7
        return (b"date: %b\r\n" % date.encode("ascii"),)

    def deadline(self, seconds: float) -> float:
        """Return the loop time after which ``seconds`` have passed for certain, though :attr:`now` lags by a
        tick.
        """
        return self.now + seconds + self.TICK


def _caps(config: Config) -> "Caps | None":
    """Return what counts WebSockets, where there may not be any number."""
    if not (config.ws_limit_connections or config.ws_limit_per_client or config.ws_limit_per_route):
        return None
    from hybrid.server.caps import Caps

    return Caps(config)


def _constant_fields(config: Config) -> DefaultFields:
    """Return the lines that all responses get, but for the date."""
    fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in config.header_fields]
    names = {name for name, _ in fields}
    if config.server_header and b"server" not in names:
        fields.insert(0, (b"server", b"hybrid"))
    note_default_names(names)
    return tuple(b"%b: %b\r\n" % field for field in fields)


def _access_log(config: Config, labels: Mapping[int, tuple[str, str]]) -> AccessLog | None:
    """Return what logs accesses of applications that are called so; None when nobody wants that."""
    if not config.access_log and config.access_logger is None:
        return None
    return AccessLog(
        LineFormat(config.access_log_format),
        LineFormat(config.access_log_websocket_format),
        sink=config.access_logger,
        labels=labels,
    )
