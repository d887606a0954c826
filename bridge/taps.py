"""Letting somebody see requests and what is answered, while a server serves them.

A tap is put around both lanes while it is wanted, and taken off again: what nobody looks at costs nothing. It
looks after the server has taken each part of an answer, so that it delays none.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, BinaryIO, Protocol, TypeVar, cast

from hybrid.bridge.types import (
    ASGIApp,
    Headers,
    Memo,
    Message,
    Receive,
    ResponseHead,
    Scope,
    Send,
    ThreadedApplication,
    ThreadedExchange,
    TimedExchange,
    WatchedExchange,
)

logger = logging.getLogger("hybrid.taps")

T = TypeVar("T")


class Sight(Protocol):
    """What is told of one request that somebody looks at: on the loop, or on the thread that serves it.

    Nothing more is told of one whose client leaves. What is raised is logged, and changes nothing.
    """

    def head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The head has been taken, or goes out with the first part."""
        ...

    def part(self, data: bytes) -> None:
        """So much of the body has been taken."""
        ...

    def file(self, count: int) -> None:
        """So many bytes of the body are sent from a file."""
        ...

    def end(self, *, complete: bool) -> None:
        """That was all; not complete where the application has failed. May be told twice."""
        ...


#: Says, on the loop, whether somebody looks at a request that is about to be served, and who.
Watch = Callable[[Scope], Sight | None]


class Watchable(Protocol):
    """An application whose requests can be looked at while it is served (loop)."""

    def watch(self, watch: Watch) -> None:
        """Let somebody look, from the next request on."""
        ...

    def unwatch(self, watch: Watch) -> None:
        """Let nobody of this kind look any more; of what is under way is still told."""
        ...


def tapped(parts: tuple[ASGIApp, ASGIApp], watches: Iterable[Watch]) -> tuple[ASGIApp, ASGIApp]:
    """Put taps around the lanes: that of threads, and that of the loop."""
    threaded, on_loop = parts
    for each in watches:
        if isinstance(threaded, ThreadedApplication):
            threaded = TappedThreads(threaded, each)
        else:
            threaded = TappedLoop(threaded, each)
        on_loop = TappedLoop(on_loop, each)
    return threaded, on_loop


class TappedLoop:
    """A lane whose answers go through ``send`` (ASGI), with somebody who looks (loop).

    Attributes:
        tapped: what is below all taps, by which logs know it.
    """

    def __init__(self, application: ASGIApp, watch: Watch) -> None:
        self.tapped: object = getattr(application, "tapped", application)
        self._application = application
        self._watch = watch

    def __repr__(self) -> str:
        return f"<TappedLoop of {self._application!r}>"

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request (ASGI)."""
        sight = _look(self._watch, scope)
        if sight is None:
            return self._application(scope, receive, send)
        return self._seen(sight, (scope, receive, send))

    async def _seen(self, sight: Sight, call: tuple[Scope, Receive, Send]) -> None:
        scope, receive, send = call

        async def tapped_send(message: Message) -> None:
            await send(message)
            _safely(lambda: _tell(sight, message))

        try:
            await self._application(scope, receive, tapped_send)
        except Exception:
            _safely(lambda: sight.end(complete=False))
            raise


def _tell(sight: Sight, message: Message) -> None:
    """Tell of a message that has been sent (ASGI HTTP specification, and its extensions for files)."""
    kind = message["type"]
    if kind == "http.response.start":
        sight.head(message["status"], message.get("headers", ()))
    elif kind == "http.response.body":
        sight.part(message.get("body", b""))
        if not message.get("more_body", False):
            sight.end(complete=True)
    elif kind in ("http.response.zerocopysend", "http.response.pathsend"):
        sight.file(message.get("count") or 0)
        if not message.get("more_body", False):
            sight.end(complete=True)


class TappedThreads(ThreadedApplication):
    """A lane whose answers are written by threads, with somebody who looks.

    Attributes:
        tapped: what is below all taps, by which logs know it.
    """

    def __init__(self, application: ThreadedApplication, watch: Watch) -> None:
        self.tapped: object = getattr(application, "tapped", application)
        self._application = application
        self._watch = watch
        self.body_policy = application.body_policy

    def __repr__(self) -> str:
        return f"<TappedThreads of {self._application!r}>"

    def submit(self, exchange: ThreadedExchange) -> None:
        """Queue an exchange for a worker (loop)."""
        sight = _look(self._watch, exchange.scope)
        self._application.submit(exchange if sight is None else TappedExchange(exchange, sight))

    def submit_timed(self, exchange: TimedExchange) -> None:
        """Do as :meth:`submit`, and tell the exchange when it is taken (loop)."""
        sight = _look(self._watch, exchange.scope)
        self._application.submit_timed(exchange if sight is None else TappedExchange(exchange, sight))

    def submit_watched(self, exchange: WatchedExchange) -> None:
        """Do as :meth:`submit`, and tell the exchange what becomes of it (loop)."""
        sight = _look(self._watch, exchange.scope)
        self._application.submit_watched(exchange if sight is None else TappedExchange(exchange, sight))

    def note_gone(self) -> None:
        """One of the exchanges is gone (loop)."""
        self._application.note_gone()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve one ASGI connection, for a server that does not know this class, and for HTTP/2."""
        return TappedLoop(self._application, self._watch)(scope, receive, send)


class TappedExchange:
    """An exchange whose answer somebody sees; to the pool, it is the exchange."""

    __slots__ = ("_exchange", "_sight")

    def __init__(self, exchange: ThreadedExchange, sight: Sight) -> None:
        self._exchange = exchange
        self._sight = sight

    def __repr__(self) -> str:
        return f"<TappedExchange of {self._exchange!r}>"

    @property
    def scope(self) -> Scope:
        """That of the exchange, as all that follows."""
        return self._exchange.scope

    @property
    def body(self) -> BinaryIO:
        """The body of the request."""
        return self._exchange.body

    @property
    def memo(self) -> Memo | None:
        """What the request shares with those that repeat it."""
        return self._exchange.memo

    @property
    def progress(self) -> float:
        """When the response last went on."""
        return self._exchange.progress

    @property
    def disconnected(self) -> bool:
        """Whether the client has been seen to leave."""
        return self._exchange.disconnected

    @property
    def gone(self) -> bool:
        """Whether the request has been taken back."""
        return self._exchange.gone

    def reject(self, status: int, reason: str, headers: Headers) -> None:
        """Answer in the application's place (loop)."""
        self._exchange.reject(status, reason, headers)
        _safely(lambda: self._sight.end(complete=False))

    # The worker's half.

    def taken(self) -> None:
        """A thread has taken the exchange (worker)."""
        cast("TimedExchange", self._exchange).taken()

    @property
    def look(self) -> Callable[[dict[str, Any]], object] | None:
        """What is to see the environ when the application starts its response (worker)."""
        return cast("TimedExchange", self._exchange).look

    def called(self, environ: dict[str, Any]) -> None:
        """The application is called with this environ (worker)."""
        cast("WatchedExchange", self._exchange).called(environ)

    def interim(self, status: int, headers: Headers) -> None:
        """Send an interim response, of which nothing is told (worker)."""
        self._exchange.interim(status, headers)

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Send the whole response (worker)."""
        self._exchange.respond(head, data)
        _safely(lambda: self._sight.head(head.status, head.headers))
        self._end(data)

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Record the head (worker)."""
        self._exchange.start(status, reason, headers)
        _safely(lambda: self._sight.head(status, headers))

    def write(self, data: bytes) -> None:
        """Send a part of the body (worker)."""
        self._exchange.write(data)
        _safely(lambda: self._sight.part(data))

    def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body (worker)."""
        self._exchange.finish(data)
        self._end(data)

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send the last part of the body from a file (worker)."""
        self._exchange.send_file(descriptor, offset, count)
        _safely(lambda: self._sight.file(count))
        self._end(b"")

    def abort(self) -> None:
        """Cut the response off (worker)."""
        self._exchange.abort()
        if not self._exchange.disconnected:
            _safely(lambda: self._sight.end(complete=False))

    def _end(self, data: bytes) -> None:
        def told() -> None:
            self._sight.part(data)
            self._sight.end(complete=True)

        _safely(told)


def _look(watch: Watch, scope: Scope) -> Sight | None:
    return _safely(lambda: watch(scope))


def _safely(tell: Callable[[], T]) -> T | None:
    """Tell somebody something; what goes wrong there is no request's matter."""
    try:
        return tell()
    except Exception:
        logger.exception("a request could not be looked at")
        return None
