"""What a channel layer of several processes asks of what lies between them: Redis, or a broker on this host.

The part that is the same for both, :class:`~hybrid.bridge.layers.shared.SharedChannelLayer`, keeps the
channels and memberships of its own process; a *hub* knows which processes want which groups, who is in a
group anywhere, the histories, and the queues that any process may read.

A hub is one connection, and everything about it has one order. What a process asks is done in the order in
which the methods were *called*, not awaited; and the answers and the messages that arrive are told in the
order in which the hub did them. So whoever joins gets what came after, and nothing that came before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hybrid.bridge.layers.losses import Reason
from hybrid.bridge.layers.presence import Member


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that arrives at a process.

    Attributes:
        group: the group that it was sent to; None when it was sent to a channel of this process.
        channel: the channel that it was sent to; None when it was sent to a group.
        body: the message, encoded.
        sequence: its number in the history of its group; 0 where there is none.
    """

    group: str | None
    channel: str | None
    body: bytes
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """What is kept of a group.

    Attributes:
        messages: the oldest first, each with its number.
        start: the number of the first message that was ever kept under this numbering; 0 when there is none.
        last: the number of the newest message, 0 when none is known.
    """

    messages: Sequence[Delivery]
    start: int
    last: int


@dataclass(frozen=True, slots=True)
class Sending:
    """How a group's message is kept, or how a queue takes it.

    Attributes:
        length: messages that are kept of the group, or that may wait in the queue.
        expiry: seconds after which the history, or the message in the queue, is forgotten.
        drop_oldest: whether a queue that is full loses its oldest message for this one.
    """

    length: int
    expiry: float
    drop_oldest: bool = False


@dataclass(frozen=True, slots=True)
class Joining:
    """A membership that begins, or that lasts longer than it would have.

    Attributes:
        group: its name.
        channel: one of this process, or a queue, which is nobody's.
        metadata: an encoded dict; None leaves what was said before.
        seconds: how long it lasts.
        waiting: how a queue takes what is sent to the group; None for a channel of this process.
    """

    group: str
    channel: str
    metadata: bytes | None
    seconds: float
    waiting: Sending | None = None


@dataclass(frozen=True, slots=True)
class HubEvents:
    """What a hub tells the layer, on the layer's event loop.

    The hub goes on to what arrived next when the awaitables are done, which is also how a layer that is busy
    holds it back.

    Attributes:
        delivered: messages have arrived, in this order.
        changed: somebody has joined (True) or left (False) a group that this process watches.
        flushed: somebody has called :meth:`Hub.flush`.
        connected: there is a connection, the first or a new one, or the hub had taken this process for dead:
            it knows nothing of this process, which says its groups, watches and members again.
        disconnected: there is none, or it could not be had; the hub goes on trying. Once, not per attempt.
        room: the hub takes messages again after :attr:`Hub.has_room` was false.
        lost: so many messages were lost, for this reason; the text is an example of what they were for.
    """

    delivered: Callable[[Sequence[Delivery]], Awaitable[object]]
    changed: Callable[[str, bool, Member], Awaitable[object]]
    flushed: Callable[[], Awaitable[object]]
    connected: Callable[[], object]
    disconnected: Callable[[], object]
    room: Callable[[], object]
    lost: Callable[[Reason, int, str], object]


class Hub(Protocol):
    """What carries messages between processes. All on one event loop.

    Every method but the first four raises :class:`ConnectionError` when it is called while there is no
    connection, and futures fail with it when the connection is lost before there is an answer. Nothing is
    ever sent twice.
    """

    @property
    def has_room(self) -> bool:
        """Whether there is a connection that keeps up. Messages are taken without, too, but should wait."""
        ...

    @property
    def settling(self) -> float:
        """Seconds after :attr:`HubEvents.connected` in which the other processes say their members again."""
        ...

    def open(self, node: str, events: HubEvents) -> None:
        """Begin to connect on the running loop, as process ``node``, and to keep a connection."""
        ...

    async def close(self) -> None:
        """Say goodbye, which ends the memberships of this process, and let go of everything."""
        ...

    def stop(self) -> None:
        """Let go of everything and say nothing, as another hub goes on with the name of this process."""
        ...

    def abandon(self) -> None:
        """Close file descriptors, in a child process, and touch nothing that the parent has a part in."""
        ...

    # Messages.

    def publish(self, group: str, body: bytes, kept: Sending) -> None:
        """Send to all processes that have subscribed to the group, this one included, and to the queues that
        are members of it; keep it in the history, if that is longer than 0.

        What was on its way when the connection was lost is told by :attr:`HubEvents.lost`.
        """
        ...

    def send(self, channel: str, body: bytes, waiting: Sending) -> asyncio.Future[bool]:
        """Send to the process whose channel this is, or into the queue (a name without ``!``); False for a
        queue that is full, and for a process that is gone.
        """
        ...

    def take(self, queue: str) -> asyncio.Future[bytes]:
        """Wait for the next message of a queue, which no other process gets. Cancelling it loses none."""
        ...

    def put_back(self, queue: str, body: bytes, expiry: float) -> None:
        """Be the next that is taken from the queue: it was taken, and nobody was there for it."""
        ...

    def sync(self) -> asyncio.Future[None]:
        """Be done when the hub has done all that it was asked before."""
        ...

    # Groups.

    def subscribe(self, group: str) -> None:
        """Have what is sent to the group delivered to this process from now on."""
        ...

    def unsubscribe(self, group: str) -> None:
        """End that."""
        ...

    def watch(self, group: str, at: Callable[[list[Member]], Awaitable[object]]) -> asyncio.Future[None]:
        """Be told who joins and who leaves the group from now on; ``at`` as in :meth:`join`, with those who
        are members at this moment.
        """
        ...

    def unwatch(self, group: str) -> None:
        """End that."""
        ...

    def join(
        self, joining: Joining, at: Callable[[int], Awaitable[object]] | None = None
    ) -> asyncio.Future[None]:
        """Note a member.

        Args:
            joining: who, and where.
            at: awaited between the deliveries of what was sent before and after, before the future is done;
                it gets the number of the newest message of the group, 0 for none.
        """
        ...

    def leave(
        self, group: str, channel: str, at: Callable[[], Awaitable[object]] | None = None
    ) -> asyncio.Future[None]:
        """Note that it is none any more; ``at`` as in :meth:`join`."""
        ...

    def members(self, group: str) -> asyncio.Future[list[Member]]:
        """Return the members of all processes that are alive, those that joined first first."""
        ...

    def count(self, group: str) -> asyncio.Future[int]:
        """Return how many there are."""
        ...

    def history(
        self, group: str, after: int, at: Callable[[History], Awaitable[object]]
    ) -> asyncio.Future[None]:
        """Have what is kept of the group told to ``at``, which is awaited between the deliveries of what was
        sent before and after, before the future is done. Where ``after`` is the number of a message that is
        kept, or the one before the first of these, those up to it are left out.
        """
        ...

    def flush(self) -> asyncio.Future[None]:
        """Forget everything, and tell all processes, this one included."""
        ...
