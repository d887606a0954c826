"""The vocabulary the rooms share: ASGI's callables, and the seams between server and bridge.

ASGI types follow https://asgi.readthedocs.io (spec 3.0); they are plain mappings here because every
framework's scopes and messages are. WSGI types come from :mod:`wsgiref.types` (PEP 3333).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal, Protocol

from hybrid.bridge.errors import BodyRefused

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

#: The key of a scope whose server has decided which field names with underscores may be there.
#: Without it they count as forged, see :mod:`hybrid.bridge.wsgi.environ`.
UNDERSCORES = "hybrid.underscores"
#: The key of a scope whose server believes the peer of some fields that say who the client is: a set of their
#: names in lower case, with dashes.
VOUCHED = "hybrid.vouched"
#: The key of a scope: on which lane the request is served, and why, as in ``wsgi; sync-view``.
LANE = "hybrid.lane"
#: The key of a scope: the pattern, or the view, that a router has found for it: what figures are kept for.
#: There is a bounded number of them, none of which a client makes up.
ROUTE = "hybrid.route"

#: Whether lifespan is run: where an application knows it, always, never.
LifespanMode = Literal["auto", "on", "off"]

#: Statuses of responses without a body (RFC 9110 sections 6.4.1 and 15.3.6).
BODILESS: Final = frozenset({204, 205, 304})
#: Header fields on their way in or out: ``(name, value)``, in order, repeats kept.
Headers = list[tuple[bytes, bytes]]
#: What was found out about a request and holds for those too that repeat its header fields on its connection;
#: each user has a key of its own.
Memo = dict[Any, Any]


class Resolver:
    """An application that only chooses another one, and can say which without being awaited.

    Every resolver is an ASGI callable too. A server that knows this class asks :meth:`resolve` instead of
    awaiting the callable, and so reaches the application that does the work without a coroutine per layer. A
    class to inherit from and not a protocol: ``resolve`` is a common name, and the check is made for every
    request.
    """

    __slots__ = ()

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application one step down, which may be a resolver again, and the scope it is to be
        given.
        """
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Await the application that :meth:`resolve` chooses."""
        application, scope = self.resolve(scope)
        await application(scope, receive, send)


class ResponseHead:
    """The status and header fields of a response, checked and encoded; many responses may share one.

    Nothing in it changes once it is made, but for what a server keeps in :attr:`wire`.

    Attributes:
        status: a final status, 200 to 599.
        reason: the reason phrase.
        headers: fields in order, names in lower case.
        length: what Content-Length says, None without it.
        wire: for the server that sends it: the head as it goes over the wire, None until that is made.
    """

    __slots__ = ("headers", "length", "reason", "status", "wire")

    def __init__(self, status: int, reason: str, headers: Headers, length: int | None) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.length = length
        self.wire: bytes | None = None

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.reason} length={self.length}>"


class ResponseWriter(Protocol):
    """Where a worker thread writes one HTTP response. Every method runs on the worker and may block it.

    Any number of :meth:`interim`; then either :meth:`respond`, or :meth:`start`, any number of
    :meth:`write`, and :meth:`finish` or :meth:`send_file`. Each raises
    :class:`~hybrid.bridge.errors.ClientDisconnected` when the client has left.
    """

    def interim(self, status: int, headers: Headers) -> None:
        """Send an interim response ahead of the head (RFC 9110 section 15.2), or drop it where it cannot be.

        Not for a client that speaks HTTP/1.0.
        """
        ...

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Send a whole response whose body is one part, and end it."""
        ...

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Record status line and header fields; nothing is sent before the first :meth:`write` or
        :meth:`finish`.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send a part of the body at once; returns when no more than a bounded amount waits for the
        client.
        """
        ...

    def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body, which may be the only one, and end the response."""
        ...

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send ``count`` bytes of a regular file, at least one, as the last part of the body, and end the
        response. Instead of :meth:`finish`, and only where the response may have a body.

        The descriptor stays the caller's, who may close it as soon as this returns.
        """
        ...

    def abort(self) -> None:
        """Cut the response off, so that the client can tell that it is incomplete."""
        ...


class ScopedWriter(ResponseWriter, Protocol):
    """A :class:`ResponseWriter` that knows which request it answers."""

    @property
    def scope(self) -> Scope:
        """The ASGI ``http`` scope of the request."""
        ...


class ThreadedExchange(ScopedWriter, Protocol):
    """One HTTP request and its response: what a server hands to a worker thread whole.

    The request is complete, unless the application's :class:`BodyPolicy` is to stream.
    """

    @property
    def body(self) -> BinaryIO:
        """The request body, positioned at its start. Of one that still comes, reading waits for more; it
        raises :class:`~hybrid.bridge.errors.ClientDisconnected` when no more will come.
        """
        ...

    @property
    def memo(self) -> Memo | None:
        """What this request shares with those that repeat it; None when the server keeps no such thing."""
        ...

    @property
    def progress(self) -> float:
        """When the response last went on, by :func:`time.monotonic`, read on the loop.

        It is 0 before the first part, and ``inf`` while the worker waits for the client.
        """
        ...

    def reject(self, status: int, reason: str, headers: Headers) -> None:
        """Answer in the application's place, or cut its response off if that has begun; what it still writes
        is dropped, and raises :class:`~hybrid.bridge.errors.ClientDisconnected`. Runs on the loop.
        """
        ...

    @property
    def disconnected(self) -> bool:
        """Whether the client has been seen to leave. Safe to read on any thread."""
        ...

    @property
    def gone(self) -> bool:
        """Whether the request has been taken back, so that an application that has not been called need not
        be. Safe to read on any thread.
        """
        ...


class TimedExchange(ThreadedExchange, Protocol):
    """A :class:`ThreadedExchange` of which somebody wants to know how long it waits for a thread."""

    def taken(self) -> None:
        """A thread has taken the exchange (worker)."""
        ...

    @property
    def look(self) -> Callable[[dict[str, Any]], object] | None:
        """What is to be called with the environ when the application starts its response; None where nobody
        wants to see what is in it then (worker).
        """
        ...


class WatchedExchange(TimedExchange, Protocol):
    """A :class:`ThreadedExchange` of which somebody wants to know when its application is called."""

    def called(self, environ: dict[str, Any]) -> None:
        """The application is called with this environ (worker)."""
        ...


@dataclass(frozen=True, slots=True)
class BodyPolicy:
    """How an application on a thread is given the bodies of its requests.

    Attributes:
        buffer: bytes of a body that are kept in memory; a larger one is kept in a temporary file.
        limit: the largest body, in bytes; a larger one is answered 413. 0 is no limit. A server's own limit
            counts too: what it refuses does not come here.
        stream: whether the application is called before the body is complete, and reads it as it comes.
    """

    buffer: int = 64 * 1024
    limit: int = 1024**3
    stream: bool = False

    def check_size(self, size: int) -> None:
        """Refuse a body of which so many bytes have come.

        Raises:
            BodyRefused: it is too large.
        """
        if 0 < self.limit < size:
            raise BodyRefused(413, "request body too large")

    def check_head(self, headers: Headers) -> None:
        """Refuse a body for the length that its request announces, before any of it is read.

        Raises:
            BodyRefused: it would be too large.
        """
        for name, value in headers:
            if name == b"content-length" and value.isdigit():
                self.check_size(int(value))


class ThreadedApplication:
    """An application that serves a whole exchange from a thread of its own choice, without a task on the
    loop.

    Attributes:
        body_policy: when an exchange with a body is to be submitted, and which bodies are none.
    """

    __slots__ = ()

    body_policy: BodyPolicy = BodyPolicy()

    def submit(self, exchange: ThreadedExchange) -> None:
        """Queue the exchange for a worker thread. Runs on the loop and returns at once.

        Raises:
            PoolFull: no room is left in the queue; the exchange was not taken.
        """
        raise NotImplementedError

    def submit_timed(self, exchange: TimedExchange) -> None:
        """Do as :meth:`submit`, and tell the exchange when it is taken. One that cannot tells nothing."""
        self.submit(exchange)

    def submit_watched(self, exchange: WatchedExchange) -> None:
        """Do as :meth:`submit`, and tell the exchange what becomes of it. One that cannot tells nothing."""
        self.submit(exchange)

    def note_gone(self) -> None:
        """One of the exchanges is :attr:`~ThreadedExchange.gone`, and may still be queued. Runs on the
        loop.
        """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection, for a server that does not know this class."""
        raise NotImplementedError
