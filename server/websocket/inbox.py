"""What waits for one application to receive, bounded."""

import asyncio
from collections import deque
from typing import Final

from hybrid.bridge.types import Message
from hybrid.server.connection import Connection

#: Bytes that may arrive while a message waits already, before reading from the socket pauses.
BACKLOG_BYTES: Final = 256 * 1024


class Inbox:
    """What waits for one application to receive; while that is too much, the socket rests. Loop thread only.

    A full inbox pauses the socket and an empty one lets it go on. What one read has brought is always taken:
    at most ``limit`` messages and one read wait, or one message and :data:`BACKLOG_BYTES` and one read.

    Args:
        connection: whose socket is paused.
        limit: how many messages make the inbox full.
        first: the event that is there from the beginning.
    """

    __slots__ = ("_backlog", "_connection", "_end", "_limit", "_messages", "_paused", "_waiters")

    def __init__(self, connection: Connection, limit: int, first: Message) -> None:
        self._connection = connection
        self._limit = limit
        self._messages: deque[Message] = deque((first,))
        self._backlog = 0
        self._paused = False
        self._end: Message | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        state = "ended" if self._end else "full" if self._paused else "open"
        return f"<Inbox {state}, {len(self._messages)} of {self._limit} messages>"

    def count(self, size: int) -> None:
        """Note that bytes arrived, before what is in them is put here."""
        if not self._messages:
            self._backlog = 0
            return
        self._backlog += size
        if self._backlog > BACKLOG_BYTES:
            self._pause()

    def put(self, message: Message) -> None:
        """Add a message; the application that waits for it gets it in the loop's next turn."""
        self._messages.append(message)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        if len(self._messages) >= self._limit:
            self._pause()

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
            self._paused = False
            self._connection.resume_reading()
        return message

    def _pause(self) -> None:
        self._paused = True
        self._connection.pause_reading()
