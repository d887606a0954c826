"""What moves a request body from ASGI's ``receive`` into the stream that a worker reads."""

import asyncio
import time
from contextlib import suppress
from math import inf
from typing import Protocol

from hybrid.bridge.types import BodyPolicy, Message, Receive, Scope
from hybrid.bridge.wsgi.stream import BodyStream


class _Exchange(Protocol):
    """What is known here of the exchange that the body belongs to; see
    :class:`~hybrid.bridge.types.ThreadedExchange`.
    """

    scope: Scope
    progress: float


class StreamFeeder:
    """Receives a request body message by message, as far as there is room for it.

    A client that waits to be told that it may send its body is not told before the worker wants to read:
    servers send ``100 Continue`` with the first :meth:`receive`.

    Attributes:
        stream: what the worker reads.
    """

    def __init__(self, exchange: _Exchange, receive: Receive, policy: BodyPolicy) -> None:
        self.stream = BodyStream(policy, self)
        self._exchange = exchange
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._wanted = asyncio.Event()  # cleared while there is no room
        self._expects = any(name == b"expect" for name, _ in exchange.scope["headers"])
        if not self._expects:
            self._wanted.set()

    def __repr__(self) -> str:
        return f"<StreamFeeder {self.stream!r}>"

    # The loop's half.

    async def receive(self) -> Message:
        """Receive the next message, once there is room for it, and pass it on to the stream as well (loop).

        Raises:
            BodyRefused: the body has become too large.
        """
        await self._wanted.wait()
        try:
            message = await self._receive()
        except BaseException:  # nobody asks again, and the worker would wait for ever
            self.stream.fail("the server gave the request body up")
            raise
        if message["type"] == "http.disconnect":
            self.stream.fail("the client has left")
        elif not self.stream.feed(message.get("body", b"")):
            self._wanted.clear()
        if not message.get("more_body", False):
            self.stream.feed_eof()
            self._wanted.set()  # what is to come is that the client leaves
        return message

    # The worker's half.

    def body_waits(self) -> None:
        """Ask for a body that is held back. That it comes is the client's matter: this is not stuck
        (worker).
        """
        self._exchange.progress = inf
        if self._expects:
            self._expects = False
            self.body_has_room()

    def body_goes_on(self) -> None:
        """Say that it does (worker)."""
        self._exchange.progress = time.monotonic()

    def body_has_room(self) -> None:
        """Let the loop receive on (worker)."""
        with suppress(RuntimeError):  # the loop is closed; it has ended the stream, or nobody can
            self._loop.call_soon_threadsafe(self._wanted.set)
