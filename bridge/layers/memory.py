"""A channel layer inside one process, safe to use from its threads and from several event loops.

Books guarded by one lock, which in ordinary use the event loop alone takes:
:class:`~hybrid.bridge.layers.mailboxes.Mailboxes` (which messages wait where),
:class:`~hybrid.bridge.layers.members.Memberships` (who is in which group) and
:class:`~hybrid.bridge.layers.history.Histories` (what was sent to groups).
:class:`~hybrid.bridge.layers.backlog.Backlog` takes messages over from threads. Whatever changes who receives
what delivers the backlog first, so a member gets what was published between its joining and its leaving, and
in one order.
"""

import asyncio
import contextlib
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

from hybrid.bridge.errors import ChannelFull, ConfigError
from hybrid.bridge.layers.alarms import Alarms
from hybrid.bridge.layers.backlog import Backlog
from hybrid.bridge.layers.base import (
    BaseChannelLayer,
    ChannelCapacity,
    HistoryLengths,
    Overflow,
    copy_message,
)
from hybrid.bridge.layers.history import Histories
from hybrid.bridge.layers.mailboxes import Letter, Mailboxes
from hybrid.bridge.layers.members import Event, Memberships, watchers_of
from hybrid.bridge.layers.presence import Member, Replay
from hybrid.bridge.layers.waiters import Waiter, Waiters, wake

#: Group messages that one turn of the event loop delivers, and never more than a channel holds: members read
#: before more arrive, so a burst does not overflow channels that are read promptly.
_PER_TURN: Final = 32

#: Of the seconds between two searches for what has expired: how soon there may be another one, for a
#: membership that ends before.
_SOONER: Final = 1 / 20


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
        self._clock = clock
        # Re-entrant: a signal handler, or a coroutine that the garbage collector finishes, may call the
        # layer on a thread that is inside it at that moment.
        self._lock = threading.RLock()
        self._boxes = Mailboxes(expiry, self.get_capacity)
        self._members = Memberships()
        self._histories: Histories[dict[str, Any]] = Histories()
        self._alarms = Alarms()
        self._waiters = Waiters()
        # A message for a group, whose name is in the letter, or for the channel of this name.
        self._backlog: Backlog[tuple[str, Letter]] = Backlog(backlog, self._collect)
        self._per_turn = min(_PER_TURN, capacity)
        self._pause = min(expiry, group_expiry)  # between two searches for what has expired
        self._sweep_at = 0.0
        self._keeps_history = any(length > 0 for _, length in self._history)

    def __repr__(self) -> str:
        return (
            f"<InMemoryChannelLayer: {self._boxes!r}, {self._members!r}, {len(self._waiters)} channels waited"
            f" on, {self._backlog!r}, {self._histories!r}, {self.losses!r}>"
        )

    # Any thread; no event loop needed.

    def publish(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, from any thread and without waiting for anything.

        Raises:
            TypeError: the name breaks the rules, or the message is not a dict.
        """
        self._hand_over_to_group(group, message, None)

    def post(self, channel: str, message: dict[str, Any]) -> None:
        """Send a message to a channel, as :meth:`publish` does, and in order with what that sends.

        Raises:
            TypeError: the name breaks the rules, or the message is not a dict.
        """
        self.require_valid_channel_name(channel)
        self.require_valid_message(message)
        if not self._backlog.append((channel, (self._clock(), copy_message(message), None))):
            self.losses.count("full", example=f"channel {channel}")

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
        with self._changing() as (now, woken):
            accepted = self._put(channel, (now, copied, None), now, woken)
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
            found = self._take_or_wait(channel, loop)
            if isinstance(found, dict):
                own: dict[str, Any] = copy_message(found)
                return own
            try:
                await found
            except asyncio.CancelledError:
                with self._lock:
                    self._waiters.remove(channel, found)
                raise

    def on_overflow(self, channel: str, callback: Callable[[], object] | None) -> None:
        """Have a function called on this loop when the channel was full, if the policy is ``"close"``."""
        with self._lock:
            if callback is not None:
                self._settle_on(asyncio.get_running_loop())
            self._alarms.listen(channel, callback)

    def close_channel(self, channel: str) -> None:
        """End a channel whose reader is gone for good: its memberships, its watching, what waits in it."""
        with self._changing() as (now, woken):
            self._alarms.listen(channel, None)
            self._waiters.forget(channel)
            self._boxes.drop(channel)
            self._announce(self._members.close(channel), now, woken)

    # Groups.

    async def group_add(self, group: str, channel: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Let a channel receive what is sent to a group from now on, for ``group_expiry`` seconds."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        copied = _copied(metadata)
        with self._changing() as (now, woken):
            self._join(group, channel, copied, now, woken)

    async def group_discard(self, group: str, channel: str) -> None:
        """End a channel's membership of a group; what was sent before still arrives."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing() as (now, woken):
            self._announce(self._members.leave(group, channel), now, woken)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, as :meth:`publish` does."""
        self._hand_over_to_group(group, message, asyncio.get_running_loop())

    async def group_count(self, group: str) -> int:
        """Return how many channels belong to a group."""
        self.require_valid_group_name(group)
        with self._lock:
            return len(self._members.channels(group, self._clock()))

    async def group_members(self, group: str) -> list[Member]:
        """Return the channels that belong to a group, those that joined first first."""
        self.require_valid_group_name(group)
        with self._lock:
            members = self._members.members(group, self._clock())
        return [Member(each.channel, copy_message(each.metadata), each.since) for each in members]

    async def group_watch(self, group: str, channel: str) -> None:
        """Have a channel told who joins and leaves a group from now on, for ``group_expiry`` seconds."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing() as (now, woken):
            self._join(watchers_of(group), channel, None, now, woken)

    async def group_unwatch(self, group: str, channel: str) -> None:
        """End that; it need not have begun."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing():
            self._members.leave(watchers_of(group), channel)

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
        with self._changing() as (now, woken):
            past = self._histories.after(group, after, now)
            if channel is not None:
                self._boxes.take_out(channel, group)
                self._join(group, channel, copied, now, woken)
        return Replay([copy_message(message) for _, message in past.entries], past.last, past.gap)

    # The layer itself.

    async def flush(self) -> None:
        """Forget every message, every group and every history; calls that wait in :meth:`receive` wait on."""
        with self._lock:
            self._backlog.clear()
            self._boxes.clear()
            self._members.clear()
            self._histories.clear()

    async def close(self) -> None:
        """End every membership, and log what was lost and has not been logged."""
        with self._lock:
            self._members.clear()
        self.losses.say()

    # Any thread, without the lock unless the backlog is full.

    def _hand_over_to_group(
        self, group: str, message: dict[str, Any], here: asyncio.AbstractEventLoop | None
    ) -> None:
        self.require_valid_group_name(group)
        self.require_valid_message(message)
        if group not in self._members and not (self._keeps_history and self.get_history(group)):
            return
        now = self._clock()
        if not self._backlog.append((group, (now, copy_message(message), group)), here):
            with self._lock:
                members = len(self._members.channels(group, now))
            self.losses.count("full", max(members, 1), example=f"group {group}")

    # Takes the lock: decide with it, act after letting it go.

    def _collect(self) -> None:
        """Deliver a part of the backlog (on an event loop, which comes back for the rest)."""
        woken: list[Waiter] = []
        with self._lock:
            self._deliver(self._per_turn, self._clock(), woken)
        self._finish(woken)

    @contextlib.contextmanager
    def _changing(self) -> Generator[tuple[float, list[Waiter]]]:
        """Hold the lock for a change, with all delivered that came before it; give the time and the woken."""
        woken: list[Waiter] = []
        try:
            with self._lock:
                now = self._clock()
                self._deliver(len(self._backlog), now, woken)
                yield now, woken
        finally:
            self._finish(woken)

    def _take_or_wait(self, channel: str, loop: asyncio.AbstractEventLoop) -> dict[str, Any] | Waiter:
        """Return the next message of a channel, or what is woken when there is one (on the reader's loop)."""
        woken: list[Waiter] = []
        with self._lock:
            now = self._clock()
            # Before the backlog is looked at: what a thread appends after that look calls this loop.
            self._settle_on(loop)
            self._waiters.looked(channel)
            message = self._boxes.take(channel, now)
            if message is None and self._backlog:
                self._deliver(self._per_turn, now, woken)
                message = self._boxes.take(channel, now)
            if message is None:
                waiter: Waiter = loop.create_future()
                self._waiters.add(channel, waiter)
            else:
                self._alarms.read(channel)
        self._finish(woken)
        return waiter if message is None else message

    def sweep(self) -> float:
        """Forget what has expired, and return in how many seconds to come back (on an event loop)."""
        with self._changing() as (now, _):
            return max(self._sweep_at - now, self._pause * _SOONER)

    # Without the lock.

    def _finish(self, woken: list[Waiter]) -> None:
        """Do what is to be done when the lock has been let go."""
        wake(woken)
        if self._boxes.full or self._boxes.expired:
            with self._lock:
                full, expired, example = self._boxes.settle()
            self.losses.count("full", full, example=f"channel {example}")
            self.losses.count("expired", expired, example=f"channel {example}")
        if self._alarms.pending:
            self._alarms.sound()

    # The lock is held.

    def _settle_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let a loop deliver from now on, and look for what has expired (on the loop)."""
        if self._backlog.add_home(loop):
            self._waiters.forget_closed_loops()
            _sweep_after(self._pause, weakref.ref(self), loop)

    def _deliver(self, limit: int, now: float, woken: list[Waiter]) -> None:
        """Move up to `limit` messages from the backlog into the channels that they are for."""
        for _ in range(limit):
            item = self._backlog.pop()
            if item is None:
                break
            name, letter = item
            if letter[2] is not None:
                self._deliver_to_group(name, letter, now, woken)
            elif self._boxes.is_late(letter, now):
                self._boxes.expired += 1
            elif not self._put(name, letter, now, woken):
                self._boxes.lose(name)
        # Not before: what is still to be delivered goes to those who were members when it was sent.
        if now >= self._sweep_at and not self._backlog:
            self._expire(now, woken)

    def _deliver_to_group(self, group: str, letter: Letter, now: float, woken: list[Waiter]) -> None:
        """Let a message wait with all who were members when it was sent, and keep it."""
        if self._keeps_history:
            self._remember(group, letter[1], now)
        members = self._members.channels(group, letter[0])
        if self._boxes.is_late(letter, now):
            self._boxes.expired += len(members)
        else:
            self._put_all(members, letter, now, woken)

    def _remember(self, group: str, message: dict[str, Any], now: float) -> None:
        """Give a message its number, and keep it, if there is a history of the group."""
        length = self.get_history(group)
        if length > 0:
            until = now + self.history_expiry
            start = time.time_ns() // 1000
            message["sequence"] = self._histories.append(
                group, message, length, now=now, until=until, start=start
            )

    def _put(self, channel: str, letter: Letter, now: float, woken: list[Waiter]) -> bool:
        """Let a message wait in a channel; False when there is no room, which nobody has counted yet.

        Whatever changes groups has all delivered that came before it, which may be more than a channel holds:
        a reader that had read everything is no slow one, and may have that, too, when its turn comes.
        """
        boxes = self._boxes
        if boxes.put(channel, letter, now):
            self._waiters.wake(channel, woken)
            return True
        if self._waiters.is_woken(channel) and boxes.put(channel, letter, now, self._backlog.limit):
            return True
        if self.overflow == "drop_oldest":
            boxes.put_for_oldest(channel, letter)
            return True
        if self.overflow == "close":
            self._alarms.overflow(channel)
        return False

    def _put_all(self, channels: list[str], letter: Letter, now: float, woken: list[Waiter]) -> None:
        """Let a message wait in channels, and count those that have no room."""
        for channel in channels:
            if not self._put(channel, letter, now, woken):
                self._boxes.lose(channel)

    def _join(
        self,
        group: str,
        channel: str,
        metadata: dict[str, Any] | None,
        now: float,
        woken: list[Waiter],
    ) -> None:
        until = now + self.group_expiry
        events = self._members.join(group, channel, metadata, now=now, until=until, since=time.time())
        self._announce(events, now, woken)

    def _announce(self, events: list[Event], now: float, woken: list[Waiter]) -> None:
        """Tell those who watch groups what has changed."""
        for event in events:
            watchers = watchers_of(event["group"])
            self._put_all(self._members.channels(watchers, now), (now, event, watchers), now, woken)

    def _expire(self, now: float, woken: list[Waiter]) -> None:
        """Forget what has expired where nobody looks any more."""
        self._boxes.sweep(now)
        self._histories.sweep(now)
        self._announce(self._members.expire(now), now, woken)
        self._sweep_at = now + max(self._pause * _SOONER, min(self._pause, self._members.next_end - now))


def _copied(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    copied: dict[str, Any] | None = None if metadata is None else copy_message(dict(metadata))
    return copied


def _sweep_after(
    seconds: float, layer: weakref.ref[InMemoryChannelLayer], loop: asyncio.AbstractEventLoop
) -> None:
    """Let a layer forget what has expired though nothing is sent, again and again (on the loop).

    A closed loop drops the call, and a layer that nobody has any more is not kept by it.
    """

    def sweep() -> None:
        alive = layer()
        if alive is not None:
            _sweep_after(alive.sweep(), layer, loop)

    loop.call_later(seconds, sweep)
