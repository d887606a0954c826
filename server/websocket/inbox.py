"""What waits for one application to receive, bounded."""

import asyncio
from collections import deque
from typing import Final, cast

from hybrid.bridge.types import Message
from hybrid.server.connection import Connection

#: Bytes that may arrive while a message waits already, before reading from the socket pauses.
BACKLOG_BYTES: Final = 256 * 1024


class Inbox:
    """What waits for one application to receive; while that is too much, the socket rests. Loop thread only.

    A message that comes to a full inbox pauses the socket, and an empty one lets it go on. So control frames
    are heard however long the application does not receive, as long as no more messages come before them.
    What one read has brought is always taken: at most ``limit`` messages and one read wait, or one message
    and :data:`BACKLOG_BYTES` and one read.

    Messages wait as they are, and become events when they are received: a read may bring many tiny ones.

    Args:
        connection: whose socket is paused.
        limit: how many messages make the inbox full.
        first: the event that is there from the beginning.
    """

    __slots__ = ("_backlog", "_connection", "_end", "_heard", "_limit", "_messages", "_paused", "_waiters")

    def __init__(self, connection: Connection, limit: int, first: Message) -> None:
        self._connection = connection
        self._limit = limit
        self._messages: deque[Message | str | bytes] = deque((first,))
        self._backlog = 0
        self._heard = False
        self._paused = False
        self._end: Message | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        state = "ended" if self._end else "full" if self._paused else "open"
        return f"<Inbox {state}, {len(self._messages)} of {self._limit} messages>"

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be received."""
        return not self._messages

    @property
    def full(self) -> bool:
        """Whether the socket rests until everything here has been received."""
        return self._paused

    def pause(self) -> None:
        """Be full: let the socket rest until everything here has been received."""
        self._paused = True
        self._connection.pause_reading()

    def count(self, size: int) -> None:
        """Note that bytes arrived, before what is in them is put here."""
        self._heard = True
        if not self._messages:
            self._backlog = 0
            return
        self._backlog += size
        if self._backlog > BACKLOG_BYTES:
            self.pause()

    def discount(self, size: int) -> None:
        """Note that some of the bytes were a control frame, which does not wait here."""
        self._backlog = max(0, self._backlog - size)
        if self._paused and len(self._messages) <= self._limit and self._backlog <= BACKLOG_BYTES:
            self._resume()

    def take_heard(self) -> bool:
        """Tell whether bytes have arrived since the last call."""
        heard, self._heard = self._heard, False
        return heard

    def put(self, message: str | bytes) -> None:
        """Add a message; the application that waits for it gets it in the loop's next turn."""
        self._messages.append(message)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        if len(self._messages) > self._limit:
            self.pause()

    def end(self, message: Message) -> None:
        """Set what is received when everything else has been, from then on always; the first one counts."""
        if self._end is None:
            self._end = message
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def receive(self) -> Message:
        """Return the next message: the application's ``receive()``. Several callers may wait at once."""
        messages = self._messages
        while not messages:
            if self._end is not None:
                return dict(self._end)
            waiter = self._connection.context.loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        message = messages.popleft()
        if self._paused and not messages:
            self._resume()
        if type(message) is str:
            return {"type": "websocket.receive", "text": message}
        if type(message) is bytes:
            return {"type": "websocket.receive", "bytes": message}
        return cast("Message", message)

    def _resume(self) -> None:
        self._paused = False
        self._connection.resume_reading()
