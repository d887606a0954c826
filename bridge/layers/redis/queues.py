"""Taking messages from queues that many processes read: only as many as somebody here waits for."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final

from hybrid.bridge.layers.redis.connection import Connection, Reply
from hybrid.bridge.layers.redis.scripts import PUT_BACK, TAKE

#: Milliseconds for which a message lives on that was taken for a reader who had gone.
_SPAN: Final = 60_000


class Queue:
    """Who waits for messages of one queue, and how many have been asked for."""

    __slots__ = ("asked", "waiters")

    def __init__(self) -> None:
        self.waiters: deque[asyncio.Future[bytes]] = deque()
        self.asked = 0


class Queues:
    """Those that somebody in this process waits for.

    A waiter asks at once, and again when Redis says that there is something. One that is cancelled leaves
    what it has asked for to the next, or to the queue.

    Args:
        connection: to Redis; new ones come with new connections.
        base: with which all keys begin.
        expired: called with a number and the name of a queue in which so many messages had expired.
    """

    def __init__(self, connection: Connection, base: bytes, expired: Callable[[int, str], object]) -> None:
        self._connection = connection
        self._base = base
        self._expired = expired
        self._queues: dict[str, Queue] = {}

    def __repr__(self) -> str:
        return f"<Queues: {len(self._queues)} waited for>"

    def take(self, name: str) -> asyncio.Future[bytes]:
        """Return a future of the next message."""
        queue = self._queues.get(name)
        if queue is None:
            self._connection.say("SUBSCRIBE", self._key(name))
            queue = self._queues[name] = Queue()
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        queue.waiters.append(future)
        future.add_done_callback(lambda _: self._forget(name, queue))
        self._ask(name, queue)
        return future

    def notice(self, name: str) -> None:
        """Look again: there is something in a queue."""
        queue = self._queues.get(name)
        if queue is not None:
            self._ask(name, queue)

    def lose(self, error: Exception) -> None:
        """Let all who wait know that the connection is gone."""
        for queue in tuple(self._queues.values()):
            for future in tuple(queue.waiters):
                if not future.done():
                    future.set_exception(error)

    def _ask(self, name: str, queue: Queue) -> None:
        """Ask for as many messages as are waited for and not asked for yet."""
        for _ in range(queue.asked, sum(not future.done() for future in queue.waiters)):
            queue.asked += 1
            asked = self._connection.ask(TAKE, name, read=lambda reply: self._taken(name, queue, reply))
            asked.add_done_callback(lambda done: self._fail(queue, done))

    async def _taken(self, name: str, queue: Queue, reply: Reply) -> None:
        queue.asked -= 1
        expired, body = reply
        if expired:
            self._expired(expired, name)
        if body is None:
            return
        for future in queue.waiters:
            if not future.done():
                future.set_result(body)
                return
        self._connection.run(PUT_BACK, name, body, _SPAN)

    @staticmethod
    def _fail(queue: Queue, asked: asyncio.Future[None]) -> None:
        """Let the first who waits have the error, if there was one."""
        error = None if asked.cancelled() else asked.exception()
        if error is not None:
            queue.asked -= 1
            for future in queue.waiters:
                if not future.done():
                    future.set_exception(error)
                    return

    def _forget(self, name: str, queue: Queue) -> None:
        """Take those off the list who wait no longer, and the queue with the last."""
        queue.waiters = deque(future for future in queue.waiters if not future.done())
        if not queue.waiters and self._queues.get(name) is queue:
            del self._queues[name]
            with contextlib.suppress(ConnectionError):
                self._connection.say("UNSUBSCRIBE", self._key(name))

    def _key(self, name: str) -> bytes:
        return b"%bq:%b" % (self._base, name.encode())
