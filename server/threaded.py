"""One HTTP request and its response as a worker thread sees them: the direct path of WSGI applications.

The class has two halves. The loop collects the request and hands the exchange to a pool; from then on the worker owns
the response, writes it to the socket itself, and lets go. The loop takes the connection up again when the next bytes
come, so that a response costs no call across threads; only when the loop has to know at once, because bytes wait
already or the connection must close, does the worker wake it.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import BinaryIO

from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.types import Headers, Scope, ThreadedApplication
from hybrid.bridge.wsgi.body import RequestBody
from hybrid.server.connection import Connection
from hybrid.server.descriptor import Descriptor
from hybrid.server.ops import access_log
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import CONTINUE, ResponseEncoder, refusal

logger = logging.getLogger("hybrid.server")


class ThreadedExchange:
    """A :class:`hybrid.bridge.types.ThreadedExchange` on an HTTP/1.1 connection.

    Attributes:
        scope: the ASGI ``http`` scope.
        disconnected: whether the client has been seen to leave; written by the loop, read anywhere.
        done: whether the response is complete; written by whoever completes it, read by the loop.
        loop_waits: whether the loop must be told when that happens; written by the loop, read by the worker.
    """

    __slots__ = (
        "_application", "_body", "_connection", "_descriptor", "_encoder", "_on_done",
        "body", "disconnected", "done", "loop_waits", "request", "scope",
    )  # fmt: skip

    body: BinaryIO

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        application: ThreadedApplication,
        on_done: Callable[[], object],

    ) -> None:
        self.request = request
        self.scope = scope
        self.disconnected = False
        self.done = False
        self.loop_waits = False
        self._on_done = on_done
        self._connection = connection
        self._application = application
        self._encoder = ResponseEncoder(request.method, request.http_version, keep_alive=request.keep_alive)
        self._body = RequestBody()
        self._descriptor: Descriptor | None = None
        if request.expects_continue:
            connection.write(CONTINUE)  # the worker is not asked: it gets the request when the body is here

    def __repr__(self) -> str:
        state = "done" if self.done else "disconnected" if self.disconnected else "open"
        return f"<ThreadedExchange {self.request!r} {state} {self._encoder!r}>"

    # The loop's half.

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may go on after this exchange."""
        return self._encoder.keep_alive

    @property
    def awaits_continue(self) -> bool:
        """Whether the client holds its body back; never, here."""
        return False

    def feed(self, data: bytes) -> None:
        """Take a part of the request body."""
        self._body.write(data)

    def feed_eof(self) -> None:
        """The request is complete: hand it to a worker."""
        self.body = self._body.open()
        if not self._connection.has_unsent:  # otherwise the worker would overtake what the transport still holds
            self._descriptor = self._connection.lend_descriptor()
        try:
            self._application.submit(self)
        except PoolFull as error:
            logger.warning("%s: refused, %s", self.request, error)
            self.refuse(503, "Service Unavailable", [(b"retry-after", b"1")])

    def disconnect(self) -> None:
        """The client has left."""
        self.disconnected = True

    def close_after(self) -> None:
        """Let this be the connection's last exchange; a head that has been sent already does not say so."""
        self._encoder.keep_alive = False

    def refuse(self, status: int, reason: str, headers: Headers | None = None) -> bool:
        """Answer in the application's place. Only while no worker has the exchange."""
        self._connection.write(refusal(self._encoder, status, reason, self._connection.context.default_fields, headers))
        self._finish()
        return True

    def abandon(self) -> None:
        """The request will never be complete: free its body."""
        self.disconnected = True
        self._body.close()

    def _write_last(self, data: bytes) -> None:
        self._connection.write(data)
        self._finish()
        self._on_done()

    async def _write(self, data: bytes) -> None:
        self._connection.write(data)
        await self._connection.wait_writable()

    # The worker's half.

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Record status and header fields (worker)."""
        self._encoder.start(status, reason, headers, self._connection.context.default_fields)

    def write(self, data: bytes) -> None:
        """Send a part of the body; returns when the client has taken most of it (worker)."""
        self._send(self._encoder.encode(data, True))

    def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body; what the client does not take at once is left to the loop (worker)."""
        self._send(self._encoder.encode(data, False))

    def abort(self) -> None:
        """Close the connection in the middle of the response (worker)."""
        if not self.done:
            self._call_loop(self._connection.abort)

    def _send(self, data: bytes) -> None:
        if self.disconnected:
            raise ClientDisconnected("the client has left")
        complete = self._encoder.complete
        if data and self._descriptor is not None:
            sent = self._descriptor.write(data)
            if sent < len(data):
                self._descriptor = None  # from here on the transport has bytes, and must have them all
            data = data[sent:]
        if data and complete:
            self._call_loop(self._write_last, data)
        elif data:
            self._wait_for_loop(data)
        elif complete and not self.done:
            self._let_go()

    def _let_go(self) -> None:
        """Give the connection back to the loop.

        Each side writes its own flag before it reads the other's, so that at least one of them sees both.
        """
        self._finish()
        if self.loop_waits or not self._encoder.keep_alive:
            self._call_loop(self._on_done)

    def _finish(self) -> None:
        self.done = True
        if self._connection.context.config.access_log:
            access_log.log_request(self.scope, self.request.target, self._encoder.status)

    def _wait_for_loop(self, data: bytes) -> None:
        future = asyncio.run_coroutine_threadsafe(self._write(data), self._connection.context.loop)
        try:
            future.result()
        except CancelledError as error:
            raise ClientDisconnected("the server is stopping") from error

    def _call_loop(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            self._connection.context.loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError as error:  # the loop is closed: the server was forced to stop
            raise ClientDisconnected("the server has stopped") from error
