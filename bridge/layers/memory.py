"""A channel layer inside one process, safe to use from its threads and from several event loops.

:class:`~hybrid.bridge.layers.books.Books` is all that it knows, guarded by one lock, which in ordinary use
the event loop alone takes. :class:`~hybrid.bridge.layers.backlog.Backlog` takes messages over from threads.
Whatever changes who receives what delivers the backlog first, so a member gets what was published between its
joining and its leaving, and in one order.
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
from hybrid.bridge.layers.backlog import Backlog
from hybrid.bridge.layers.base import (
    BaseChannelLayer,
    ChannelCapacity,
    HistoryLengths,
    Overflow,
    copy_message,
)
from hybrid.bridge.layers.books import Books
from hybrid.bridge.layers.mailboxes import Letter
from hybrid.bridge.layers.members import watchers_of
from hybrid.bridge.layers.presence import Member, Replay
from hybrid.bridge.layers.waiters import Waiter, wake

#: Group messages that one turn of the event loop delivers, and never more than a channel holds: members read
#: before more arrive, so a burst does not overflow channels that are read promptly.
_PER_TURN: Final = 32

_NOBODY: Final[list[Waiter]] = []


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
        self._books = Books(self, backlog)
        # A message for a group, whose name is in the letter, or for the channel of this name.
        self._backlog: Backlog[tuple[str, Letter]] = Backlog(backlog, self._collect)
        self._per_turn = min(_PER_TURN, capacity)
        self._home: asyncio.AbstractEventLoop | None = None  # where somebody has received last

    def __repr__(self) -> str:
        return f"<InMemoryChannelLayer: {self._books!r}, {self._backlog!r}, {self.losses!r}>"

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
        with self._changing() as now:
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
            found = self._take_or_wait(channel, loop)
            if isinstance(found, dict):
                own: dict[str, Any] = copy_message(found)
                return own
            try:
                await found
            except asyncio.CancelledError:
                with self._lock:
                    self._books.waiters.remove(channel, found)
                raise

    def on_overflow(self, channel: str, callback: Callable[[], object] | None) -> None:
        """Have a function called on this loop when the channel was full, if the policy is ``"close"``."""
        with self._lock:
            if callback is not None:
                self._settle_on(asyncio.get_running_loop())
            self._books.alarms.listen(channel, callback)

    def close_channel(self, channel: str) -> None:
        """End a channel whose reader is gone for good: its memberships, its watching, what waits in it."""
        with self._changing() as now:
            self._books.close(channel, now)

    # Groups.

    async def group_add(self, group: str, channel: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Let a channel receive what is sent to a group from now on, for ``group_expiry`` seconds."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        copied = _copied(metadata)
        with self._changing() as now:
            self._books.join(group, channel, copied, now)

    async def group_discard(self, group: str, channel: str) -> None:
        """End a channel's membership of a group; what was sent before still arrives."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing() as now:
            self._books.announce(self._books.members.leave(group, channel), now)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, as :meth:`publish` does."""
        self._hand_over_to_group(group, message, asyncio.get_running_loop())

    async def group_count(self, group: str) -> int:
        """Return how many channels belong to a group."""
        self.require_valid_group_name(group)
        with self._lock:
            return len(self._books.members.channels(group, self._clock()))

    async def group_members(self, group: str) -> list[Member]:
        """Return the channels that belong to a group, those that joined first first."""
        self.require_valid_group_name(group)
        with self._lock:
            members = self._books.members.members(group, self._clock())
        return [Member(each.channel, copy_message(each.metadata), each.since) for each in members]

    async def group_watch(self, group: str, channel: str) -> None:
        """Have a channel told who joins and leaves a group from now on, for ``group_expiry`` seconds."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing() as now:
            self._books.join(watchers_of(group), channel, None, now)

    async def group_unwatch(self, group: str, channel: str) -> None:
        """End that; it need not have begun."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing():
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
        with self._changing() as now:
            past = self._books.histories.after(group, after, now)
            if channel is not None:
                self._books.boxes.take_out(channel, group)
                self._books.join(group, channel, copied, now)
        return Replay([copy_message(message) for _, message in past.entries], past.last, past.gap)

    # The layer itself.

    async def flush(self) -> None:
        """Forget every message, every group and every history; calls that wait in :meth:`receive` wait on."""
        with self._lock:
            self._backlog.clear()
            self._books.clear()

    async def close(self) -> None:
        """End every membership, and log what was lost and has not been logged."""
        with self._lock:
            self._books.members.clear()
        self.losses.say()

    # Any thread, without the lock unless the backlog is full.

    def _hand_over_to_group(
        self, group: str, message: dict[str, Any], here: asyncio.AbstractEventLoop | None
    ) -> None:
        self.require_valid_group_name(group)
        self.require_valid_message(message)
        books = self._books
        if group not in books.members and not (books.keeps_history and self.get_history(group)):
            return
        now = self._clock()
        if not self._backlog.append((group, (now, copy_message(message), group)), here):
            with self._lock:
                members = len(books.members.channels(group, now))
            self.losses.count("full", max(members, 1), example=f"group {group}")

    # Takes the lock: decide with it, act after letting it go.

    def _collect(self) -> None:
        """Deliver a part of the backlog (on an event loop, which comes back for the rest)."""
        with self._lock:
            self._deliver(self._per_turn, self._clock())
            woken = self._take_woken()
        self._finish(woken)

    @contextlib.contextmanager
    def _changing(self) -> Generator[float]:
        """Hold the lock for a change, with all delivered that came before it; give the time."""
        woken: list[Waiter] = []
        try:
            with self._lock:
                now = self._clock()
                self._deliver(len(self._backlog), now)
                try:
                    yield now
                finally:
                    woken = self._take_woken()
        finally:
            self._finish(woken)

    def _take_or_wait(self, channel: str, loop: asyncio.AbstractEventLoop) -> dict[str, Any] | Waiter:
        """Return the next message of a channel, or what is woken when there is one (on the reader's loop)."""
        books = self._books
        with self._lock:
            now = self._clock()
            if loop is not self._home:
                # Before the backlog is looked at: what a thread appends after that look calls this loop.
                self._settle_on(loop)
            message = books.take(channel, now)
            if message is None and self._backlog:
                self._deliver(self._per_turn, now)
                message = books.take(channel, now)
            found: dict[str, Any] | Waiter
            if message is None:
                found = waiter = loop.create_future()
                books.waiters.add(channel, waiter)
            else:
                found = message
            woken = self._take_woken()
        self._finish(woken)
        return found

    def sweep(self) -> float:
        """Forget what has expired, and return in how many seconds to come back. Any thread.

        While the layer has a reader, its event loop calls this when it is time to.
        """
        with self._changing() as now:
            return max(self._books.sweep_at - now, 0.0) or self._books.pause

    # The lock is held.

    def _settle_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let a loop deliver from now on, and look for what has expired (on the loop)."""
        self._home = loop
        if self._backlog.add_home(loop):
            self._books.waiters.forget_closed_loops()
            _sweep_after(self._books.pause, weakref.ref(self), loop)

    def _deliver(self, limit: int, now: float) -> None:
        """Move up to `limit` messages from the backlog into the channels that they are for."""
        for _ in range(limit):
            item = self._backlog.pop()
            if item is None:
                break
            self._books.deliver(*item, now)
        # Not before: what is still to be delivered goes to those who were members when it was sent.
        if not self._backlog:
            self._books.expire(now)

    def _take_woken(self) -> list[Waiter]:
        """Return who is to be woken when the lock has been let go."""
        books = self._books
        if not books.woken:
            return _NOBODY
        woken, books.woken = books.woken, []
        return woken

    # Without the lock.

    def _finish(self, woken: list[Waiter]) -> None:
        """Do what is to be done when the lock has been let go."""
        if woken:
            wake(woken)
        boxes, alarms = self._books.boxes, self._books.alarms
        if boxes.full or boxes.expired:
            with self._lock:
                full, expired, example = boxes.settle()
            self.losses.count("full", full, example=f"channel {example}")
            self.losses.count("expired", expired, example=f"channel {example}")
        if alarms.pending:
            alarms.sound()


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
