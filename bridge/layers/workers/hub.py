"""What a layer asks of the broker: the hub of the processes of one machine."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hybrid.bridge.layers.hub import Delivery, History, Joining, Sending
from hybrid.bridge.layers.presence import Member
from hybrid.bridge.layers.workers.framing import frame
from hybrid.bridge.layers.workers.life import Life, member_of
from hybrid.bridge.layers.workers.words import Ask

#: Of a channel that is no queue.
_NOT_AT_ALL: Final = Sending(0, 0)


class WorkersHub(Life):
    """A :class:`~hybrid.bridge.layers.hub.Hub` over a Unix socket; all on one event loop.

    Args:
        path: of the socket.
        is_fit: whether this process serves, and had better be the broker than one that does not.
    """

    def __repr__(self) -> str:
        return f"<WorkersHub {self.state.name}, {self._finder!r}>"

    # Messages.

    def publish(self, group: str, body: bytes, kept: Sending) -> None:
        """Send to all processes that have subscribed to the group, and to the queues that are members."""
        if self._send(frame(Ask.PUBLISH, group, body, kept.length, kept.expiry)):
            self._unconfirmed += 1
        else:
            self._events.lost("full", 1, group)

    def send(self, channel: str, body: bytes, waiting: Sending) -> asyncio.Future[bool]:
        """Send to the process whose channel this is, or into the queue; False when it is full, or gone."""
        return self._ask(Ask.SEND, channel, body, waiting.length, waiting.expiry, waiting.drop_oldest)

    def take(self, queue: str) -> asyncio.Future[bytes]:
        """Wait for the next message of a queue, which no other process gets. Cancelling it loses none."""

        async def taken(answer: list[Any], parts: list[Any]) -> bytes:
            body: bytes = answer[0]
            return body

        ticket = self._questions.next_ticket
        future = self._ask(Ask.TAKE, queue, then=taken)
        self._questions.note_take(ticket, queue)
        future.add_done_callback(lambda done: self._untake(ticket, queue) if done.cancelled() else None)
        return future

    def _untake(self, ticket: int, queue: str) -> None:
        """Somebody does not wait any more; a message that is on its way goes back."""

        async def put_back(answer: list[Any] | None, parts: list[Any]) -> None:
            if answer is not None:
                body, until = answer
                self.put_back(queue, body, until - time.monotonic())

        with contextlib.suppress(ConnectionError):
            self._say(Ask.UNTAKE, ticket)
            self._questions.replace(ticket, put_back)

    def put_back(self, queue: str, body: bytes, expiry: float) -> None:
        """Be the next that is taken from the queue."""
        if not self._send(frame(Ask.PUT_BACK, queue, body, expiry)):
            self._events.lost("full", 1, queue)

    def sync(self) -> asyncio.Future[None]:
        """Be done when the broker has done all that it was asked before."""
        return self._ask(Ask.SYNC)

    # Groups.

    def subscribe(self, group: str) -> None:
        """Have what is sent to the group delivered to this process from now on."""
        self._say(Ask.SUBSCRIBE, group)

    def unsubscribe(self, group: str) -> None:
        """End that."""
        self._say(Ask.UNSUBSCRIBE, group)

    def watch(self, group: str, at: Callable[[list[Member]], Awaitable[object]]) -> asyncio.Future[None]:
        """Be told who joins and who leaves the group from now on; ``at`` gets those who are there."""

        async def begun(answer: object, parts: list[Any]) -> None:
            await at([member_of(each) for each in parts])

        return self._ask(Ask.WATCH, group, then=begun)

    def unwatch(self, group: str) -> None:
        """End that."""
        self._say(Ask.UNWATCH, group)

    def join(
        self, joining: Joining, at: Callable[[int], Awaitable[object]] | None = None
    ) -> asyncio.Future[None]:
        """Note a member; ``at`` gets the number of the group's newest message."""
        waiting = joining.waiting or _NOT_AT_ALL

        async def joined(last: int, parts: list[Any]) -> None:
            if at is not None:
                await at(last)

        return self._ask(
            Ask.JOIN,
            joining.group,
            joining.channel,
            joining.metadata,
            joining.seconds,
            waiting.length,
            waiting.expiry,
            waiting.drop_oldest,
            then=joined,
        )

    def leave(
        self, group: str, channel: str, at: Callable[[], Awaitable[object]] | None = None
    ) -> asyncio.Future[None]:
        """Note that it is none any more."""

        async def left(answer: object, parts: list[Any]) -> None:
            if at is not None:
                await at()

        return self._ask(Ask.LEAVE, group, channel, then=left)

    def members(self, group: str) -> asyncio.Future[list[Member]]:
        """Return the members of all processes, those that joined first first."""

        async def listed(answer: object, parts: list[Any]) -> list[Member]:
            return [member_of(each) for each in parts]

        return self._ask(Ask.MEMBERS, group, then=listed)

    def count(self, group: str) -> asyncio.Future[int]:
        """Return how many there are."""
        return self._ask(Ask.COUNT, group)

    def history(
        self, group: str, after: int, at: Callable[[History], Awaitable[object]]
    ) -> asyncio.Future[None]:
        """Have what is kept of the group told to ``at``; not what is known to who has that number."""

        async def told(answer: list[int], parts: list[Any]) -> None:
            messages = [Delivery(group, None, body, number) for number, body in parts]
            await at(History(messages, *answer))

        return self._ask(Ask.HISTORY, group, after, then=told)

    def flush(self) -> asyncio.Future[None]:
        """Forget everything, and tell all processes."""
        return self._ask(Ask.FLUSH)
