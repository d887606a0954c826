"""What a channel layer of several processes asks of what lies between them: Redis, or a broker on this host.

The part that is the same for both, :class:`~hybrid.bridge.layers.shared.SharedChannelLayer`, keeps the
channels and memberships of its own process; a *hub* knows which processes want which groups, who is in a
group anywhere, the histories, and the queues that any process may read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hybrid.bridge.layers.presence import Member


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that arrives at a process.

    Attributes:
        group: the group that it was sent to; None when it was sent to a channel of this process.
        channel: the channel that it was sent to; None when it was sent to a group.
        body: the message, encoded.
        sent: when, in seconds since 1970, by the clock of the sender's machine.
        sequence: its number in the history of its group; None where there is none.
    """

    group: str | None
    channel: str | None
    body: bytes
    sent: float
    sequence: int | None


@dataclass(frozen=True, slots=True)
class HubEvents:
    """What a hub tells the layer, on the layer's event loop.

    Attributes:
        delivered: messages have arrived, in this order.
        connected: there is a connection, the first or a new one: the hub knows nothing of this process yet,
            which says its groups and members again.
        disconnected: there is none, and the hub is trying to get one.
    """

    delivered: Callable[[list[Delivery]], object]
    connected: Callable[[], object]
    disconnected: Callable[[], object]


class Hub(Protocol):
    """What carries messages between processes. All on one event loop.

    Methods that ask raise :class:`ConnectionError` while there is no connection; nothing is ever sent twice.
    """

    async def open(self, node: str, events: HubEvents) -> None:
        """Begin to connect, as process ``node``, and to keep a connection; returns without waiting for it."""
        ...

    async def close(self) -> None:
        """Say goodbye, which ends the memberships of this process, and let go of everything."""
        ...

    # Messages.

    async def publish(
        self, group: str, body: bytes, sent: float, history: int, history_expiry: float
    ) -> None:
        """Send to all processes that have subscribed to the group, this one included, and to the queues that
        are members of it; keep it in the history, if that is longer than 0.
        """
        ...

    async def send(self, channel: str, body: bytes, sent: float, capacity: int, expiry: float) -> bool:
        """Send to the process whose channel this is, or into the queue; False for a queue that is full."""
        ...

    async def take(self, queue: str) -> Delivery:
        """Wait for the next message of a queue, which no other process gets."""
        ...

    # Groups.

    async def subscribe(self, group: str) -> None:
        """Have what is sent to the group delivered to this process from now on."""
        ...

    async def unsubscribe(self, group: str) -> None:
        """End that."""
        ...

    async def join(self, group: str, channel: str, metadata: bytes | None, until: float) -> int:
        """Note a member, whose channel is anybody's; return the number of the newest message, 0 for none."""
        ...

    async def leave(self, group: str, channel: str) -> None:
        """Note that it is none any more."""
        ...

    async def members(self, group: str) -> list[Member]:
        """Return the members of all processes that are alive."""
        ...

    async def count(self, group: str) -> int:
        """Return how many there are."""
        ...

    async def history(self, group: str) -> list[Delivery]:
        """Return what is kept of the group, the oldest first."""
        ...

    async def flush(self) -> None:
        """Forget everything."""
        ...
