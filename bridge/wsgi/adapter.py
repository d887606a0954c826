"""A WSGI application as an ASGI application that runs on a thread pool."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import CancelledError as FutureCancelled
from contextlib import suppress
from io import BytesIO
from math import inf
from typing import Any, BinaryIO
from wsgiref.types import StartResponse, WSGIApplication

from hybrid.bridge.errors import BodyRefused, ClientDisconnected, PoolFull
from hybrid.bridge.types import (
    BODILESS,
    BodyPolicy,
    Headers,
    Receive,
    ResponseHead,
    Scope,
    Send,
    ThreadedApplication,
    ThreadedExchange,
    TimedExchange,
    WatchedExchange,
)
from hybrid.bridge.wsgi.body import RequestBody
from hybrid.bridge.wsgi.call import Look, describe, serve
from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.errorlog import ERRORS
from hybrid.bridge.wsgi.feeder import StreamFeeder
from hybrid.bridge.wsgi.filewrapper import read_region
from hybrid.bridge.wsgi.siblings import has_siblings
from hybrid.bridge.wsgi.threadpool import ThreadPool

logger = logging.getLogger("hybrid.wsgi")

#: Seconds that threads may take to end at lifespan shutdown, when no request is open any more.
_CLOSE_SECONDS = 5.0


class WSGIToASGI(ThreadedApplication):
    """A WSGI application as an ASGI application that runs on a thread pool (PEP 3333 over ASGI 3.0).

    Works under any ASGI server. Under this project's own, a request takes the direct path instead: the server
    calls :meth:`submit`, and the worker leaves the response to the loop as bytes that only have to be sent.

    Args:
        app: the WSGI application.
        pool: the threads to run it on; several applications may share one, and the caller closes it. When
            None, a pool of its own, whose threads end at lifespan shutdown.
        multiprocess: what ``wsgi.multiprocess`` says: whether other processes serve the same application.
            When None, whether this process is known to be one of several:
            :func:`~hybrid.bridge.wsgi.siblings.has_siblings`.
        body_policy: where request bodies are kept, how large they may be, and whether the application reads
            them as they come.

    Attributes:
        on_refusal: is called with the scope of each request that is answered in the application's place, as
            no thread was free for it in time, or its own is stuck (loop); not where the client has left.
    """

    on_refusal: Callable[[Scope], object] | None = None

    def __init__(
        self,
        app: WSGIApplication,
        *,
        pool: ThreadPool | None = None,
        multiprocess: bool | None = None,
        body_policy: BodyPolicy | None = None,
    ) -> None:
        self.app = app
        self.body_policy = body_policy or BodyPolicy()
        self.pool = pool or ThreadPool()
        self._owns_pool = pool is None
        if multiprocess is None:
            multiprocess = has_siblings()
        self._environ = EnvironBuilder(multithread=self.pool.threads > 1, multiprocess=multiprocess)

    def __repr__(self) -> str:
        return f"WSGIToASGI({self.app!r})"

    # The direct path.

    def submit(self, exchange: ThreadedExchange) -> None:
        """Queue an exchange for a worker. Loop thread; raises :class:`PoolFull`."""
        try:
            self.pool.submit(self._serve_exchange, exchange, self)
        except PoolFull:
            self._refused(exchange)
            raise

    def submit_timed(self, exchange: TimedExchange) -> None:
        """Do as :meth:`submit`, and tell the exchange when it is taken."""
        try:
            self.pool.submit(self._serve_timed, exchange, self)
        except PoolFull:
            self._refused(exchange)
            raise

    def submit_watched(self, exchange: WatchedExchange) -> None:
        """Do as :meth:`submit`, and tell the exchange when it is taken, and with which environ."""
        try:
            self.pool.submit(self._serve_watched, exchange, self)
        except PoolFull:
            self._refused(exchange)
            raise

    def _refused(self, exchange: ThreadedExchange) -> None:
        if self.on_refusal is not None and not exchange.disconnected:
            self.on_refusal(exchange.scope)

    def note_gone(self) -> None:
        """One of the exchanges may wait in vain (loop)."""
        self.pool.note_gone()

    def _serve_timed(self, exchange: TimedExchange) -> None:
        """Serve one exchange that wants to know since when (worker)."""
        exchange.taken()
        self._serve_exchange(exchange, look=exchange.look)

    def _serve_watched(self, exchange: WatchedExchange) -> None:
        """Serve one exchange that wants to know how (worker)."""
        exchange.taken()

        def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            exchange.called(environ)
            return self.app(environ, start_response)

        self._serve_exchange(exchange, app, exchange.look)

    def _serve_exchange(
        self, exchange: ThreadedExchange, app: WSGIApplication | None = None, look: Look | None = None
    ) -> None:
        """Serve one exchange, and close its body (worker)."""
        if self.is_gone(exchange):
            return
        body = exchange.body
        try:
            environ = self._environ.build(exchange.scope, body, exchange.memo)
            environ["hybrid.disconnected"] = lambda: exchange.disconnected
            serve(app or self.app, environ, exchange, look)
        except BaseException:  # a scope that no environ can be made of
            logger.exception("the request could not be given to %r", self.app)
            exchange.abort()
        finally:
            body.close()
            if ERRORS.incomplete:  # half a line is not the beginning of another request's
                ERRORS.flush()

    # What the pool calls (loop): see hybrid.bridge.wsgi.jobs.Overseer.

    def waited_too_long(self, exchange: ThreadedExchange) -> None:
        """Refuse a request for which no thread became free in time."""
        exchange.body.close()
        self._refused(exchange)
        logger.warning("%s: refused, it has waited too long for a thread", describe(exchange.scope))
        exchange.reject(503, "Service Unavailable", [(b"retry-after", b"1")])

    def is_gone(self, exchange: ThreadedExchange) -> bool:
        """Let go of a request that has been taken back before its application was called (any thread)."""
        if not exchange.gone:
            return False
        exchange.body.close()
        exchange.abort()
        return True

    def last_progress(self, exchange: ThreadedExchange) -> float:
        """Return when the response last went on."""
        return exchange.progress

    def ran_too_long(self, exchange: ThreadedExchange) -> None:
        """Answer in the place of an application that is stuck."""
        self._refused(exchange)
        logger.error("%s: given up, the application is stuck", describe(exchange.scope))
        exchange.reject(504, "Gateway Timeout", [])

    # The path under any ASGI server.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: ``http``; ``lifespan``, which ends its own pool; anything else is
        refused.
        """
        if scope["type"] == "http":
            await self._serve_http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._serve_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise ValueError(f"a WSGI application cannot serve an ASGI {scope['type']!r} scope")

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._owns_pool:
            pool, self.pool = self.pool, ThreadPool(self.pool.threads)  # it may be started again
            if not await asyncio.to_thread(pool.close, _CLOSE_SECONDS):
                logger.warning("%r: threads that still run are left behind", self)
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        serve_body = self._serve_stream if self.body_policy.stream else self._serve_complete
        try:
            self.body_policy.check_head(scope["headers"])
            await serve_body(scope, receive, send)
        except PoolFull as error:
            logger.warning("%s: refused, %s", describe(scope), error)
            await _answer(send, 503, "Service Unavailable", [(b"retry-after", b"1")])
        except BodyRefused as error:
            logger.info("%s: refused, %s", describe(scope), error)
            await _answer(send, error.status, error.reason, _closing(scope))

    async def _serve_complete(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(self.body_policy)
        try:
            if not await _read_body(receive, body):
                body.close()
                return
            exchange = _AsgiExchange(scope, body.open(), send)
            self.submit(exchange)
        except BaseException:
            body.close()
            raise
        await exchange.wait(receive)  # from here on the worker owns the body

    async def _serve_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _AsgiExchange(scope, BytesIO(), send)
        feeder = StreamFeeder(exchange, receive, self.body_policy)
        exchange.body = feeder.stream.open()
        try:
            self.submit(exchange)
        except BaseException:
            exchange.body.close()
            raise
        try:
            await exchange.wait(feeder.receive)
        finally:
            feeder.stream.fail("the request is over")  # to a worker that still reads, or has not begun


async def _read_body(receive: Receive, body: RequestBody) -> bool:
    """Read the whole request body; False when the client left before its end."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        body.write(message.get("body", b""))
        if not message.get("more_body", False):
            return True


async def _answer(send: Send, status: int, reason: str, headers: Headers) -> None:
    """Answer in the application's place."""
    length = b"%d" % len(reason)
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": reason.encode("ascii")})


def _closing(scope: Scope) -> Headers:
    """Ask the server to close after a response, and read no further. Only HTTP/1 has a field for that."""
    return [(b"connection", b"close")] if scope["http_version"].startswith("1") else []


#: The extension of ASGI for early hints, and its message.
_EARLY_HINT = "http.response.early_hint"


class ResponseAborted(RuntimeError):
    """Raised out of the ASGI call so that the server cuts off a response whose application failed
    half-way.
    """


class _AsgiExchange:
    """A :class:`~hybrid.bridge.types.ThreadedExchange` whose response goes out through ASGI ``send``."""

    def __init__(self, scope: Scope, body: BinaryIO, send: Send) -> None:
        self.scope = scope
        self.body = body
        self.memo = None  # other servers say nothing of what is repeated
        self.disconnected = False
        self.gone = False  # other servers do not tell a request that is taken back from a client that leaves
        self.progress = 0.0
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._status = 0
        self._headers: Headers | None = None  # until they are sent
        self._begun = False
        self._finished = False
        self._sending: asyncio.Task[None] | None = None

    async def wait(self, receive: Receive) -> None:
        """Wait for the worker to let go, watching for the client's leaving (loop thread)."""
        watch = self._loop.create_task(self._watch(receive))
        try:
            await asyncio.shield(self._done)
        except asyncio.CancelledError:
            self.disconnected = True  # the server gives up: the worker must not wait for it
            if self._sending is not None:
                self._sending.cancel()
            raise
        finally:
            watch.cancel()

    async def _watch(self, receive: Receive) -> None:
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except BodyRefused as error:
            logger.info("%s: refused, %s", describe(self.scope), error)
            if not self._finished:
                self.reject(error.status, error.reason, _closing(self.scope))
            return
        if not self._finished:  # otherwise it only says that the response is complete
            self.disconnected = True

    def reject(self, status: int, reason: str, headers: Headers) -> None:
        """Answer in the application's place, or let the ASGI call fail if that has begun to (loop)."""
        self.disconnected = True  # to the worker
        if self._begun:
            self._settle_on_loop(ResponseAborted(f"the response was cut off: {reason}"))
        else:
            self._sending = self._loop.create_task(self._reject(status, reason, headers))

    async def _reject(self, status: int, reason: str, headers: Headers) -> None:
        self._finished = True
        with suppress(OSError):  # the client has left meanwhile
            await _answer(self._send, status, reason, headers)
        self._settle_on_loop(None)

    # The worker's half.

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Send the whole response (worker)."""
        self.start(head.status, head.reason, head.headers)
        self.finish(data)

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Record the head (worker). ASGI has no place for the reason phrase."""
        if status in BODILESS:  # a length of what is not there confuses servers, and 204 must not have one
            headers = [field for field in headers if field[0] != b"content-length"]
        self._status = status
        self._headers = headers.copy()  # the server, or one of its middlewares, may change them

    def interim(self, status: int, headers: Headers) -> None:
        """Send what ASGI has a message for: the links of early hints, to servers that take them (worker)."""
        links = [value for name, value in headers if name == b"link"]
        if status == 103 and links and _EARLY_HINT in (self.scope.get("extensions") or ()):
            self._run(self._send_links(links))

    def write(self, data: bytes) -> None:
        """Send a part of the body and wait until the server has taken it (worker)."""
        self._run(self._send_part(data, more=True))

    def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body (worker)."""
        if self._headers is not None:
            self._add_length(self._headers, len(data))
        self._run(self._send_part(data, more=False))
        self._settle(None)

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Read the last part of the body in pieces and send them (worker)."""
        for data in read_region(descriptor, offset, count):
            self.write(data)
        self.finish()

    def abort(self) -> None:
        """Let the ASGI call fail (worker)."""
        self._settle(None if self.disconnected else ResponseAborted("the WSGI application failed"))

    def _add_length(self, headers: Headers, length: int) -> None:
        """Announce the length of a body of one part, unless it is not that part that counts (worker)."""
        if self._status in BODILESS or (self.scope["method"] == "HEAD" and not length):
            return
        if not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", b"%d" % length))

    async def _send_links(self, links: list[bytes]) -> None:
        if self.disconnected:
            raise ClientDisconnected("the client has left")
        self._sending = asyncio.current_task()
        await self._send({"type": _EARLY_HINT, "links": links})

    async def _send_part(self, data: bytes, *, more: bool) -> None:
        if self.disconnected:  # the ASGI call may be over: what is sent now could reach another one's client
            raise ClientDisconnected("the client has left")
        self._begun = True
        self._sending = asyncio.current_task()
        if self._headers is not None:
            headers, self._headers = self._headers, None
            await self._send({"type": "http.response.start", "status": self._status, "headers": headers})
        self._finished = not more
        if self._status in BODILESS:
            data = b""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError as error:  # the loop is closed
            coroutine.close()
            self.disconnected = True
            raise ClientDisconnected("the server has stopped") from error
        self.progress = inf
        try:
            future.result()
        except (FutureCancelled, OSError) as error:
            self.disconnected = True
            raise ClientDisconnected("the client has left") from error
        finally:
            self.progress = time.monotonic()

    def _settle(self, error: Exception | None) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(self._settle_on_loop, error)

    def _settle_on_loop(self, error: Exception | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
