"""One HTTP request and its response as a worker thread sees them: the direct path of WSGI applications.

The class has two halves. The loop collects the request and hands the exchange to a pool; from then on the
worker owns the response, writes it to the socket itself, and lets go. The loop takes the connection up again
when the next bytes come, so that a response costs no call across threads; only when the loop has to know at
once, because bytes wait already or the connection must close, does the worker wake it.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO

from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.types import Headers, Scope, ThreadedApplication
from hybrid.bridge.wsgi.body import RequestBody
from hybrid.server.connection import Connection
from hybrid.server.descriptor import Descriptor
from hybrid.server.ops import access_log
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import ResponseEncoder, refusal

logger = logging.getLogger("hybrid.server")


class ThreadedExchange:
    """A :class:`hybrid.bridge.types.ThreadedExchange` on an HTTP/1.1 connection.

    Attributes:
        scope: the ASGI ``http`` scope.
        disconnected: whether the client has been seen to leave; written by the loop, read anywhere.
        keep_alive: whether the connection may go on afterwards.
        done: whether the response is complete; written by whoever completes it, read by the loop.
        loop_waits: whether the loop must be told when that happens; written by the loop, read by the worker.
    """

    __slots__ = (
        "_application", "_body", "_connection", "_descriptor", "_encoder", "_on_done",
        "body", "disconnected", "done", "keep_alive", "loop_waits", "request", "scope",
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
        self.keep_alive = request.keep_alive
        self.disconnected = False
        self.done = False
        self.loop_waits = False
        self._on_done = on_done
        self._connection = connection
        self._application = application
        self._encoder: ResponseEncoder | None = None
        self._body: RequestBody | None = None
        self._descriptor: Descriptor | None = None

    def __repr__(self) -> str:
        state = "done" if self.done else "disconnected" if self.disconnected else "open"
        return f"<ThreadedExchange {self.request!r} {state} {self._encoder}>"

    # The loop's half.

    @property
    def awaits_continue(self) -> bool:
        """Whether the client holds its body back; never, here."""
        return False

    def feed(self, data: bytes) -> None:
        """Take a part of the request body."""
        if self._body is None:
            self._body = RequestBody()
        self._body.write(data)

    def feed_eof(self) -> None:
        """The request is complete: hand it to a worker."""
        if self._body is not None:
            self.body = self._body.open()
            self._body = None  # the file is closed by whoever has the exchange: the worker, from here on
        else:
            self.body = BytesIO()
        # A worker that wrote to the socket would overtake what the transport still holds.
        if not self._connection.has_unsent:
            self._descriptor = self._connection.lend_descriptor()
        try:
            self._application.submit(self)
        except PoolFull as error:
            self.body.close()
            logger.warning("%s: refused, %s", self.request, error)
            self.refuse(503, "Service Unavailable", [(b"retry-after", b"1")])

    def disconnect(self) -> None:
        """The client sends nothing more. It may still read, so the response goes on until the connection is
        lost.
        """
        self.disconnected = True

    def close_after(self) -> None:
        """Let this be the connection's last exchange; a head that has been sent already does not say so."""
        self.keep_alive = False

    def refuse(self, status: int, reason: str, headers: Headers | None = None) -> bool:
        """Answer in the application's place. Only while no worker has the exchange."""
        defaults = self._connection.context.default_fields
        self._drop_body()
        self.keep_alive = False
        self._connection.write(refusal(self.request, status, reason, defaults, headers or ()))
        self._finish(status)
        self._connection.context.loop.call_soon(self._on_done)
        return True

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request."""
        self.disconnected = True
        self._drop_body()

    def _drop_body(self) -> None:
        """Free what has come of a body that no worker will read."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _write_last(self, data: bytes) -> None:
        self._connection.write(data)
        self._let_go()

    def _abort(self) -> None:
        if not self.done:
            self._connection.abort()

    async def _write(self, data: bytes) -> None:
        self._connection.write(data)
        await self._connection.wait_writable()

    # The worker's half.

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Take status and header fields (worker)."""
        self._encoder = ResponseEncoder(
            self.request, status, reason, headers, self._connection.context.default_fields
        )
        if not self.keep_alive:
            self._encoder.keep_alive = False

    def write(self, data: bytes) -> None:
        """Send a part of the body; returns when the client has taken most of it (worker)."""
        self._send(data, more=True)

    def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body; what the client does not take at once is left to the loop
        (worker).
        """
        self._send(data, more=False)

    def abort(self) -> None:
        """Close the connection in the middle of the response; a complete one is left alone (worker)."""
        with suppress(ClientDisconnected):  # the server has stopped
            self._call_loop(self._abort)  # which comes after a last part that was left to the loop

    def _send(self, data: bytes, *, more: bool) -> None:
        assert self._encoder is not None, "start() comes first"
        if self._encoder.complete:
            return  # the part with which the announced length was reached has ended the response already
        encoder = self._encoder
        if self._connection.closed:
            raise ClientDisconnected("the client has left")
        data = encoder.encode(data, more)
        if data and self._descriptor is not None:
            try:
                sent = self._descriptor.write(data)
            except ClientDisconnected:
                self.abort()  # now, as the application may keep the error to itself
                raise
            if sent < len(data):
                self._descriptor = None  # from here on the transport has bytes, and must have them all
                data = data[sent:]
            else:
                data = b""
        if data and encoder.complete:
            self._call_loop(self._write_last, data)
        elif data:
            self._wait_for_loop(data)
        elif encoder.complete:
            self._let_go()

    def _let_go(self) -> None:
        """Give the connection back to the loop (worker, or the loop in its place).

        Each side writes its own flag before it reads the other's, so that at least one of them sees both.
        """
        encoder = self._encoder
        assert encoder is not None
        if not encoder.keep_alive:
            self.keep_alive = False
        self._finish(encoder.status)
        if self.loop_waits or not self.keep_alive:
            self._call_loop(self._on_done)

    def _finish(self, status: int) -> None:
        self.done = True
        if self._connection.context.config.access_log:
            access_log.log_request(self.scope, self.request.target, status)

    def _wait_for_loop(self, data: bytes) -> None:
        coroutine = self._write(data)
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._connection.context.loop)
        except RuntimeError as error:  # the loop is closed: the server was forced to stop
            coroutine.close()
            raise ClientDisconnected("the server has stopped") from error
        try:
            future.result()
        except CancelledError as error:
            raise ClientDisconnected("the server is stopping") from error

    def _call_loop(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            self._connection.context.loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError as error:  # the loop is closed: the server was forced to stop
            raise ClientDisconnected("the server has stopped") from error
