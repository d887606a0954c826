"""A request whose body a worker reads while it comes, and its response."""

import time
from collections.abc import Callable
from math import inf

from hybrid.bridge.types import Headers, ResponseHead, Scope, ThreadedApplication
from hybrid.bridge.wsgi.stream import BodyStream
from hybrid.server.connection import Connection
from hybrid.server.threaded import ThreadedExchange
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import CONTINUE


class StreamedExchange(ThreadedExchange):
    """A :class:`~hybrid.server.threaded.ThreadedExchange` that a worker has from its head on.

    So both sides may answer: the worker for the application, and the loop when the body turns out to be one
    that must be refused. What decides is which of them has reached the connection first, on the loop.

    A client that waits to be told that it may send its body is told when the worker waits for it (PEP 3333,
    "HTTP 1.1 Expect/Continue"): an application that answers without reading spares both of them the body.
    """

    __slots__ = ("_asked", "_holds_back", "_stream")

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        application: ThreadedApplication,
        on_done: Callable[[], object],
    ) -> None:
        super().__init__(connection, request, scope, application, on_done)
        self._holds_back = request.expects_continue  # until bytes of the body are here; written by the loop
        self._asked = False  # whether the worker wants the body that is held back; worker
        self._stream = BodyStream(application.body_policy, self)

    # The loop's half.

    @property
    def awaits_body(self) -> bool:
        """Whether it is the client's turn to send its body: nobody lets it wait for ``100 Continue``."""
        return not self._holds_back or self._asked or self._begun

    def expect_body(self) -> None:
        """A body follows the head: hand the request to a worker now."""
        self._application.body_policy.check_head(self.scope["headers"])
        self.body = self._stream.open()
        self._submit()

    def feed(self, data: bytes) -> None:
        """Take a part of the request body; too much that the worker has not read pauses the socket."""
        if data:
            self._holds_back = False
            self._count_received(data)
            if not self._stream.feed(data):
                self._connection.pause_reading()

    def feed_eof(self) -> None:
        """The request body is complete."""
        self._stream.feed_eof()

    def refuse(self, status: int, reason: str, headers: Headers | None = None) -> bool:
        """Answer in the application's place; False when its own response has begun."""
        self._stream.fail(reason)
        return not self._begun and super().refuse(status, reason, headers)

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request."""
        super().abandon()
        self._stream.fail("the client has left")

    def _send_whole(self, data: bytes) -> None:
        if not self.done:
            self._stream.fail("the response is complete")  # to a worker that goes on reading
        super()._send_whole(data)

    def _send_continue(self, _data: bytes) -> None:
        """Tell the client to go on, unless it has, or would take that for a part of the response."""
        if self._holds_back and not self._begun and not self.done:
            self._connection.write(CONTINUE)

    def _read_on(self, _data: bytes) -> None:
        if not self.done:  # otherwise others pause and resume for reasons of their own
            self._connection.resume_reading()

    # The worker's half.

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Send the whole response, and let go (worker)."""
        self.start(head.status, head.reason, head.headers)
        self.finish(data)

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Take status and header fields (worker)."""
        super().start(status, reason, headers)
        if self._holds_back and not self._asked:  # nobody can tell whether the body comes
            self._encoder.keep_alive = False

    def body_waits(self) -> None:
        """Ask for a body that is held back. That it comes is the client's matter: this is not stuck
        (worker).
        """
        self.progress = inf
        outbox = self._connection.context.outbox
        if self._holds_back and not self._asked:
            self._asked = True
            outbox.put(self._send_continue, b"")
        outbox.hurry()  # or else the client is not asked before others are answered

    def body_goes_on(self) -> None:
        """Say that it does (worker)."""
        self.progress = time.monotonic()

    def body_has_room(self) -> None:
        """Let the loop read on (worker)."""
        self._connection.context.outbox.put(self._read_on, b"")
