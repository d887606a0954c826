"""A channel layer inside one process, safe to use from its threads and from several event loops.

:class:`~hybrid.bridge.layers.books.Books` is all that it knows, guarded by one lock, which in ordinary use
the event loop alone takes. :class:`~hybrid.bridge.layers.switchboard.Switchboard` holds the lock, and takes
messages over from threads. Whatever changes who receives what has those delivered first, so a member gets
what was published between its joining and its leaving, and in one order.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from hybrid.bridge.errors import ChannelFull, ConfigError
from hybrid.bridge.layers.base import (
    BaseChannelLayer,
    ChannelCapacity,
    HistoryLengths,
    LayerFigures,
    Overflow,
    copy_message,
)
from hybrid.bridge.layers.books import Books
from hybrid.bridge.layers.members import watchers_of
from hybrid.bridge.layers.presence import Member, Replay
from hybrid.bridge.layers.switchboard import Switchboard

#: Group messages that one turn of the event loop delivers, and never more than a channel holds: members read
#: before more arrive, so a burst does not overflow channels that are read promptly.
_PER_TURN: Final = 32


class InMemoryChannelLayer(BaseChannelLayer):
    """Channels and groups for one process: the layer to start with, and the one to test with.

    Every method may be called on any thread, the coroutine methods on any event loop, also on several at
    once or in turn. A group message that a member has no room for is counted in :attr:`losses`. A member that
    vanishes without :meth:`group_discard` costs at most a full channel, whose messages expire, and an entry
    in its groups until ``group_expiry`` is over.

    Args:
        expiry: seconds after which a message that nobody has read is dropped.
        group_expiry: seconds for which a channel belongs to a group after its last :meth:`group_add`.
        capacity: messages that may wait in one channel.
        channel_capacity: other capacities, by pattern of the channel's name; the first match counts.
        overflow: what happens to a message for a channel that is full, see
            :data:`~hybrid.bridge.layers.base.Overflow`.
        history: messages that are kept of each group, or of groups by pattern of their name; 0 keeps none.
        history_expiry: seconds after which the history of a group to which nothing is sent is forgotten.
        backlog: messages that may wait for an event loop to deliver them. While so many wait, a further one
            is dropped for all members and counted once for each.
        clock: seconds that only ever grow; for tests.
    """

    def __init__(  # noqa: PLR0913 - four of Channels' own, and those that are given by keyword only
        self,
        expiry: float = 60,
        group_expiry: float = 86400,
        capacity: int = 100,
        channel_capacity: ChannelCapacity | None = None,
        *,
        overflow: Overflow = "drop_newest",
        history: HistoryLengths = 0,
        history_expiry: float = 3600,
        backlog: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            expiry,
            group_expiry,
            capacity,
            channel_capacity,
            overflow=overflow,
            history=history,
            history_expiry=history_expiry,
        )
        if backlog <= 0:
            raise ConfigError(f"backlog must be greater than 0, not {backlog!r}")
        self._books = Books(self, backlog)
        self._switchboard = Switchboard(self._books, self.losses, backlog, min(_PER_TURN, capacity), clock)

    def __repr__(self) -> str:
        return f"<InMemoryChannelLayer: {self._books!r}, {self._switchboard!r}, {self.losses!r}>"

    # Any thread; no event loop needed.

    def publish(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, from any thread and without waiting for anything.

        Raises:
            TypeError: the name breaks the rules, or the message is not a dict.
        """
        self._send_to_group(group, message, None)

    def post(self, channel: str, message: dict[str, Any]) -> None:
        """Send a message to a channel, as :meth:`publish` does, and in order with what that sends.

        Raises:
            TypeError: the name breaks the rules, or the message is not a dict.
        """
        self.require_valid_channel_name(channel)
        self.require_valid_message(message)
        self._switchboard.hand_over(channel, copy_message(message), None)

    # A thread with a running event loop.

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return a name that no other channel has, such as ``specific.inmemory!0f64…``."""
        name = f"{prefix}.inmemory!{secrets.token_hex(8)}"
        self.require_valid_channel_name(name)
        return name

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Queue a message for the reader of a channel.

        Raises:
            ChannelFull: the channel holds as many messages as its capacity, and none gives way.
            TypeError: the name breaks the rules, or the message is not a dict.
        """
        self.require_valid_channel_name(channel)
        self.require_valid_message(message)
        copied = copy_message(message)
        with self._switchboard.changing() as now:
            self._books.sent += 1
            self._books.delivered += 1
            accepted = self._books.put(channel, (now, copied, None), now)
        if not accepted:
            capacity = self.get_capacity(channel)
            raise ChannelFull(f"channel {channel!r} is full: {capacity} messages wait in it")

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel and return a copy of it that is the caller's own.

        Several calls may wait on one channel; a message goes to one of them, and a cancelled call takes none.
        """
        self.require_valid_channel_name(channel)
        loop = asyncio.get_running_loop()
        while True:
            found = self._switchboard.take_or_wait(channel, loop)
            if isinstance(found, dict):
                own: dict[str, Any] = copy_message(found)
                return own
            try:
                await found
            except asyncio.CancelledError:
                self._switchboard.stop_waiting(channel, found)
                raise

    def on_overflow(self, channel: str, callback: Callable[[], object] | None) -> None:
        """Have a function called on this loop when the channel was full, if the policy is ``"close"``."""
        with self._switchboard.looking():
            if callback is not None:
                self._switchboard.settle_on(asyncio.get_running_loop())
            self._books.alarms.listen(channel, callback)

    def close_channel(self, channel: str) -> None:
        """End a channel whose reader is gone for good: its memberships, its watching, what waits in it."""
        with self._switchboard.changing() as now:
            self._books.close(channel, now)

    def stop_reading(self, channel: str) -> None:
        """Say that nobody receives from a channel any more, though it stays a member until it is closed."""
        with self._switchboard.changing():
            self._books.deafen(channel)

    def is_closed(self, channel: str) -> bool:
        """Return whether a channel has been closed lately."""
        with self._switchboard.looking():
            return self._books.members.is_closed(channel)

    # Groups.

    async def group_add(self, group: str, channel: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Let a channel receive what is sent to a group from now on, for ``group_expiry`` seconds."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        copied = _copied(metadata)
        with self._switchboard.changing() as now:
            self._books.join(group, channel, copied, now)

    async def group_discard(self, group: str, channel: str) -> None:
        """End a channel's membership of a group; what was sent before still arrives."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._switchboard.changing() as now:
            self._books.announce(self._books.members.leave(group, channel), now)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, as :meth:`publish` does."""
        self._send_to_group(group, message, asyncio.get_running_loop())

    async def group_count(self, group: str) -> int:
        """Return how many channels belong to a group."""
        self.require_valid_group_name(group)
        with self._switchboard.looking() as now:
            return len(self._books.members.channels(group, now))

    async def group_members(self, group: str) -> list[Member]:
        """Return the channels that belong to a group, those that joined first first."""
        self.require_valid_group_name(group)
        with self._switchboard.looking() as now:
            members = self._books.members.members(group, now)
        return [Member(each.channel, copy_message(each.metadata), each.since) for each in members]

    async def group_watch(self, group: str, channel: str) -> None:
        """Have a channel told who joins and leaves a group from now on, for ``group_expiry`` seconds."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._switchboard.changing() as now:
            self._books.join(watchers_of(group), channel, None, now)

    async def group_unwatch(self, group: str, channel: str) -> None:
        """End that; it need not have begun."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._switchboard.changing():
            self._books.members.leave(watchers_of(group), channel)

    async def resume(
        self,
        group: str,
        after: int | None,
        channel: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Replay:
        """Return what was sent to a group after a message that one has, and join it at the same moment."""
        self.require_valid_group_name(group)
        self.require_valid_sequence(after)
        if channel is not None:
            self.require_valid_channel_name(channel)
        copied = _copied(metadata)
        with self._switchboard.changing() as now:
            past = self._books.histories.after(group, after, now)
            if channel is not None:
                self._books.boxes.take_out(channel, group)
                self._books.join(group, channel, copied, now)
        return Replay([copy_message(message) for _, message in past.entries], past.last, past.gap)

    # The layer itself.

    async def flush(self) -> None:
        """Forget every message, every group and every history; calls that wait in :meth:`receive` wait on."""
        with self._switchboard.looking():
            self._switchboard.clear()
            self._books.clear()

    def figures(self) -> LayerFigures:
        """Return what the layer has, and has done; any thread."""
        books = self._books
        with self._switchboard.looking():
            groups, members = books.members.count()
            return LayerFigures(groups, members, books.sent, books.delivered)

    async def close(self) -> None:
        """End every membership, and log what was lost and has not been logged."""
        with self._switchboard.looking():
            self._books.members.clear()
        self.losses.say()

    def _send_to_group(
        self, group: str, message: dict[str, Any], here: asyncio.AbstractEventLoop | None
    ) -> None:
        """Hand a message over, unless nobody gets it and nothing is kept (any thread, without a lock)."""
        self.require_valid_group_name(group)
        self.require_valid_message(message)
        books = self._books
        if group in books.members or (books.keeps_history and self.get_history(group)):
            self._switchboard.hand_over(group, copy_message(message), group, here)


def _copied(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    copied: dict[str, Any] | None = None if metadata is None else copy_message(dict(metadata))
    return copied
