"""One HTTP request and its response as a worker thread sees them: the direct path of WSGI applications.

The class has two halves. The loop collects the request and hands the exchange to a pool; from then on the
worker owns the response and encodes it, and the loop only sends the bytes that it finds in the outbox.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from io import BytesIO
from math import inf
from typing import Any, BinaryIO, Final

from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.types import Headers, ResponseHead, Scope, ThreadedApplication
from hybrid.bridge.wsgi.body import RequestBody
from hybrid.server.connection import Connection
from hybrid.server.ops.metrics.route_tally import CLIENT_LEFT, RouteTally, UnroutedTally
from hybrid.server.overflow import Overflow
from hybrid.server.sendfile import FileRegion
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import CONTINUE, RETRY_AFTER, ResponseEncoder, interim, refusal, wire_head

logger = logging.getLogger("hybrid.server")

#: Bytes of one response that a worker leaves in the outbox before it waits for the loop to come.
_UNSENT_LIMIT: Final = 64 * 1024
#: Bytes of a body that are sent in one part; a larger one is cut, so that it is not copied as a whole.
_PART_SIZE: Final = 256 * 1024


class ThreadedExchange:
    """A :class:`hybrid.bridge.types.ThreadedExchange` on an HTTP/1.1 connection.

    Attributes:
        scope: the ASGI ``http`` scope.
        memo: what the request shares with those that repeat it.
        body: the request body, once a worker has the exchange.
        disconnected: whether the client has been seen to leave; written by the loop, read anywhere.
        gone: whether it has taken the request back, as it can in HTTP/2 alone; written by the loop.
        keep_alive: whether the connection may go on afterwards; written by the loop.
        done: whether the response is complete and on its way, or somebody else has answered; written by the
            loop.
        progress: when the response last went on; written by the worker.
        tally: what counts it, once, when it is over; None where nothing does; the loop's.
        begun_at: when it was complete enough for a worker, by :func:`time.monotonic`; 0.0 where nobody wants
            to know how long it takes; the loop's.
        taken_at: when a worker has taken it; 0.0 before, or where nobody wants to know; written by the
            worker.
    """

    __slots__ = (
        "_application",
        "_begun",
        "_body",
        "_connection",
        "_encoder",
        "_on_done",
        "_overflow",
        "_size",
        "_status",
        "_unsent",
        "begun_at",
        "body",
        "disconnected",
        "done",
        "gone",
        "keep_alive",
        "memo",
        "progress",
        "request",
        "scope",
        "taken_at",
        "tally",
    )  # fmt: skip

    tally: RouteTally | UnroutedTally | None  # before anything is called, as the next
    begun_at: float
    body: BinaryIO
    _encoder: ResponseEncoder  # from start() on, as the next
    _new_encoder: Callable[..., ResponseEncoder] = ResponseEncoder
    _unsent: int
    _status: int  # once the last part is on its way, as the next
    _size: int  # of the body, in bytes

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
        self.memo = request.memo
        self.keep_alive = request.keep_alive
        self.disconnected = False
        self.gone = False
        self.done = False
        self.progress = self.taken_at = 0.0
        self._begun = False
        self._on_done = on_done
        self._connection = connection
        self._application = application
        self._body: RequestBody | None = None
        self._overflow: Overflow | None = None  # made by the worker

    def __repr__(self) -> str:
        state = "done" if self.done else "disconnected" if self.disconnected else "open"
        return f"<ThreadedExchange {self.request!r} {state}>"

    # The loop's half.

    @property
    def awaits_body(self) -> bool:
        """Whether it is the client's turn to send its body."""
        return True

    def expect_body(self) -> None:
        """A body follows the head. A worker gets the request when all of it is here.

        Raises:
            BodyRefused: it says that it is larger than the application takes.
        """
        policy = self._application.body_policy
        policy.check_head(self.scope["headers"])
        self._body = RequestBody(policy)
        if self.request.expects_continue:
            self._connection.write(CONTINUE)  # unasked: no worker has the request that could ask

    def feed(self, data: bytes) -> None:
        """Take a part of the request body.

        Raises:
            BodyRefused: the body is too large, or cannot be kept.
        """
        if self._body is not None:
            self._body.write(data)
            self._count_received(data)

    def feed_eof(self) -> None:
        """The request is complete: hand it to a worker.

        Raises:
            BodyRefused: the body cannot be kept.
        """
        if self._body is not None:
            self.body = self._body.open()
            self._body = None  # the file is closed by whoever has the exchange: the worker, from here on
            if self.begun_at:
                self.begun_at = time.monotonic()
        else:
            self.body = BytesIO()
        self._submit()

    def _submit(self) -> None:
        """Hand the exchange to a worker, or refuse it."""
        try:
            if self.begun_at:
                self._application.submit_timed(self)
            else:
                self._application.submit(self)
        except PoolFull as error:
            self._refuse_for_want_of_threads(error)

    def _refuse_for_want_of_threads(self, error: PoolFull) -> None:
        self.body.close()
        logger.warning("%s: refused, %s", self.request, str(error))
        self.refuse(503, "Service Unavailable", [RETRY_AFTER])
        self._connection.context.loop.call_soon(self._on_done)

    def disconnect(self) -> None:
        """The client sends nothing more.

        It may still read, so the response goes on until the connection is lost.
        """
        self.disconnected = True

    def close_after(self) -> bool:
        """Let this be the connection's last exchange; whether the client will certainly be told. A worker may
        have encoded the head already.
        """
        told = not self.keep_alive or self._body is not None
        self.keep_alive = False
        return told

    def end_response(self) -> bool:
        """Tell an application that goes on sending, if it asks, that the client has left; whether it does.
        What it still sends arrives.
        """
        if self.done or not self._begun:
            return False
        self.disconnected = True
        return True

    def refuse(self, status: int, reason: str, headers: Headers | None = None) -> bool:
        """Answer in the application's place. Only while no worker has the exchange."""
        defaults = self._connection.context.default_fields
        self._drop_body()
        self.keep_alive = False
        self._write_refusal(status, refusal(self.request, status, reason, defaults, headers or ()))
        self._size = 0
        self._complete(status)
        return True

    def _write_refusal(self, status: int, data: bytes) -> None:
        self._connection.write(data)

    def reject(self, status: int, reason: str, headers: Headers) -> None:
        """Answer in the application's place although a worker may have the exchange.

        What the worker still writes is dropped.
        """
        self._connection.context.outbox.deliver()  # what the worker has sent may be all of it
        if self.done:
            return
        if self._begun or self._connection.closed:
            self.done = True
            self._connection.abort()
            return
        self.refuse(status, reason, headers)
        self._connection.context.loop.call_soon(self._on_done)

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request.

        What becomes of a request that waits for a worker is said by HTTP/2 alone, where the end of a stream
        takes it back. A connection of HTTP/1.1 also ends as that of a client that waits for no answer.
        """
        self.disconnected = True
        if self.tally is not None:
            self._count_cut_off(self.tally)
        self._drop_body()
        if self._overflow is not None:
            self._overflow.stop()
        if self.request.http_version == "2":
            self.gone = True
            self._application.note_gone()

    def _drop_body(self) -> None:
        """Free what has come of a body that no worker will read."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _send_last(self, data: bytes) -> None:
        """Send the last part, when all before it is sent, and give the connection back."""
        if self._overflow is not None and self._overflow.hold(data):
            return
        if not self._encoder.keep_alive:
            self.keep_alive = False
        self._status, self._size = self._encoder.status, self._encoder.size
        self._send_whole(data)

    def _send_part(self, data: bytes) -> None:
        """Send a part after which others follow."""
        if not self.done:
            self._begun = True
            self._connection.write(data)

    def _send_interim(self, data: bytes) -> None:
        """Send what comes ahead of the response, which somebody else may still give."""
        if not self.done:
            self._connection.write(data)

    def _send_whole(self, data: bytes) -> None:
        """Send all there is, and give the connection back."""
        if self.done:  # somebody else has answered
            return
        self._connection.write(data)
        self._complete(self._status)
        self._on_done()

    def _complete(self, status: int) -> None:
        self.done = True
        tally: Any = self.tally
        if tally is not None:
            self.tally = None
            if self.begun_at:  # as it always is where the route is not known yet
                tally = tally.known(self.scope)
                tally.time_on_thread(self.begun_at, self.taken_at)
            if status == 200:  # as RouteTally.end() does, for every response
                tally.ok += 1
            else:
                tally.count(status)
            tally.bytes_out += self._size

    def _count_received(self, data: bytes) -> None:
        if self.tally is not None:
            self.tally.bytes_in += len(data)

    def _count_cut_off(self, tally: RouteTally | UnroutedTally) -> None:
        """It is over for the client, and the response is not complete."""
        self.tally = None
        encoder = getattr(self, "_encoder", None) if self._begun else None
        status, size = (CLIENT_LEFT, 0) if encoder is None else (encoder.status, encoder.sent)
        known = tally.known(self.scope)
        known.end(status, size)
        known.cut_off += 1
        if self.begun_at:
            known.time_on_thread(self.begun_at, self.taken_at)

    def _may_overflow(self) -> bool:
        """Whether the loop may begin to send what the worker has left in a file."""
        if not self.done:
            self._begun = True
        return not self.done

    def _cut_off(self, _data: bytes) -> None:
        overflow = self._overflow
        if overflow is not None and overflow.ending:
            return
        if overflow is not None:
            overflow.stop()
        if not self.done:
            self._connection.abort()

    # The worker's half.

    def taken(self) -> None:
        """Note when it was taken (worker)."""
        self.taken_at = time.monotonic()

    @property
    def look(self) -> Callable[[dict[str, Any]], object] | None:
        """What is to see the environ when the application starts its response (worker)."""
        tally = self.tally  # which the loop takes away when the client leaves
        return tally.note if isinstance(tally, UnroutedTally) else None

    def interim(self, status: int, headers: Headers) -> None:
        """Send an interim response; waits for the client, so that only one of them does (worker)."""
        if self._connection.closed or self.done:
            raise ClientDisconnected("the client has left")
        self._connection.context.outbox.put(self._send_interim, interim(status, headers))
        self._wait(self._connection.wait_writable)

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Send the whole response, and let go (worker).

        Most responses need nothing but bytes that were put together before: see
        :func:`~hybrid.server.wire.response.wire_head`.
        """
        wire = head.wire
        if wire is None:
            wire = head.wire = wire_head(head)
        request, size = self.request, len(data)
        if not (
            wire
            and self.keep_alive
            and (head.length is None or head.length == size)
            and request.http_version != "1.0"
            and request.method != "HEAD"
        ):
            self.start(head.status, head.reason, head.headers)
            self.finish(data)
            return
        connection = self._connection
        if connection.closed or self.done:
            raise ClientDisconnected("the client has left")
        context = connection.context
        self._status, self._size = head.status, size
        length = b"" if head.length is not None else b"content-length: %d\r\n" % size
        if size > _UNSENT_LIMIT:  # not copied for the sake of its head
            context.outbox.put(self._send_part, b"".join((wire, length, context.head_end)))
        else:
            data = b"".join((wire, length, context.head_end, data))
        context.outbox.put(self._send_whole, data)

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Take status and header fields (worker)."""
        defaults = self._connection.context.default_fields
        self._encoder = self._new_encoder(self.request, status, reason, headers, defaults)
        self._unsent = 0
        if not self.keep_alive:
            self._encoder.keep_alive = False

    def write(self, data: bytes) -> None:
        """Send a part of the body; returns when it is with the loop, or on disk for it (worker)."""
        for start in range(0, len(data), _PART_SIZE):
            if not self._encoder.complete:
                self._send(data[start : start + _PART_SIZE], more=True)

    def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body, and let go: sending it is the loop's matter (worker)."""
        if not self._encoder.complete:  # otherwise the part that reached the announced length was the last
            self._send(data, more=False)
        self._let_go()

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send the last part of the body from a file, and let go, as :meth:`finish` does (worker)."""
        if self._connection.closed or self.done:
            raise ClientDisconnected("the client has left")
        before, after = self._encoder.encode_around(count)
        region = FileRegion(descriptor, offset, count, self._encoder.note_sent)
        self._overflowing(lambda overflow: overflow.send_file(region, before, after))
        self._let_go()

    def abort(self) -> None:
        """Close the connection in the middle of the response; a complete one is left alone (worker)."""
        self._let_go()
        with suppress(ClientDisconnected):  # the server has stopped
            self._connection.context.outbox.put(self._cut_off, b"")

    def _send(self, data: bytes, *, more: bool) -> None:
        connection = self._connection
        if connection.closed or self.done:
            raise ClientDisconnected("the client has left")
        data = self._encoder.encode(data, more)
        overflow = self._overflow
        if self._encoder.complete:
            connection.context.outbox.put(self._send_last, data)
        elif connection.writable and (overflow is None or not overflow.pending):
            self._leave(data)
        else:
            self._overflowing(lambda overflow: overflow.write(data))

    def _leave(self, data: bytes) -> None:
        """Leave a part to the loop, and wait for that when it is much (worker)."""
        self._connection.context.outbox.put(self._send_part, data)
        self.progress = time.monotonic()
        self._unsent += len(data)
        if self._unsent > _UNSENT_LIMIT:
            self._wait()
            self._unsent = 0

    def _wait(self, until: Callable[[], Awaitable[object]] | None = None) -> None:
        """Wait for the loop, and then for what it is to wait for; this is not stuck (worker)."""
        self.progress = inf
        try:
            self._connection.context.outbox.wait(until)
        finally:
            self.progress = time.monotonic()

    def _overflowing(self, leave: Callable[[Overflow], object]) -> None:
        """Leave to the loop what the client has not asked for yet, or what is in a file (worker)."""
        if self._overflow is None:
            self._overflow = Overflow(self._connection, self._may_overflow, self._send_last)
        self.progress = inf
        try:
            leave(self._overflow)
        finally:
            self.progress = time.monotonic()

    def _let_go(self) -> None:
        """Nothing more comes from the worker (worker)."""
        if self._overflow is not None:
            self._overflow.release()
