"""A channel layer inside one process, safe to use from its threads and from several event loops.

Two parts do the work. :class:`~hybrid.bridge.layers.mailboxes.Mailboxes` keeps the books, guarded by a lock
that in ordinary use the event loop alone takes. :class:`~hybrid.bridge.layers.backlog.Backlog` takes group
messages over from threads. Whatever changes who receives what delivers the backlog first, so a member gets
what was published between its joining and its leaving, and in one order.
"""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers.backlog import Backlog
from hybrid.bridge.layers.base import BaseChannelLayer, ChannelCapacity, copy_message
from hybrid.bridge.layers.mailboxes import Letter, Mailboxes

#: Group messages that one turn of the event loop delivers, and never more than a channel holds: members read
#: before more arrive, so a burst does not overflow channels that are read promptly.
_PER_TURN = 32

_Waiter = asyncio.Future[None]


class InMemoryChannelLayer(BaseChannelLayer):
    """Channels and groups for one process: the layer to start with, and the one to test with.

    Every method may be called on any thread, the coroutine methods on any event loop, also on several at
    once or in turn. A group message that a member has no room for is dropped for that member and counted in
    :attr:`dropped`. A member that vanishes without :meth:`group_discard` costs at most a full channel, whose
    messages expire, and an entry in its groups until ``group_expiry`` is over.

    Args:
        expiry: seconds after which a message that nobody has read is dropped.
        group_expiry: seconds for which a channel belongs to a group after its last :meth:`group_add`.
        capacity: messages that may wait in one channel.
        channel_capacity: other capacities, by pattern of the channel's name; the first match counts.
        backlog: group messages that may wait for an event loop to deliver them. While so many wait, a further
            one is dropped for all members and counted once for each.
        clock: seconds that only ever grow; for tests.
    """

    def __init__(  # noqa: PLR0913 - four of Channels' own, and two that are given by keyword only
        self,
        expiry: float = 60,
        group_expiry: float = 86400,
        capacity: int = 100,
        channel_capacity: ChannelCapacity | None = None,
        *,
        backlog: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(expiry, group_expiry, capacity, channel_capacity)
        if backlog <= 0:
            raise ValueError(f"backlog must be greater than 0, not {backlog!r}")
        self._clock = clock
        # Re-entrant: a signal handler, or a coroutine that the garbage collector finishes, may call the
        # layer on a thread that is inside it at that moment.
        self._lock = threading.RLock()
        self._boxes = Mailboxes(expiry, group_expiry, self.get_capacity)
        self._waiters: dict[str, list[_Waiter]] = {}
        self._backlog: Backlog[tuple[str, Letter]] = Backlog(backlog, self._collect)
        self._per_turn = min(_PER_TURN, capacity)

    def __repr__(self) -> str:
        return (
            f"<InMemoryChannelLayer: {self._boxes!r}, {len(self._waiters)} channels waited on, "
            f"{self._backlog!r}, {self.dropped} dropped, {self.expired} expired>"
        )

    # Any thread; no event loop needed.

    @property
    def dropped(self) -> int:
        """Group messages that a member did not get because its channel, or the backlog, was full."""
        return self._boxes.dropped

    @property
    def expired(self) -> int:
        """Messages that a channel lost because nobody read them within ``expiry`` seconds."""
        return self._boxes.expired

    def publish(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, from any thread and without waiting for anything.

        Raises:
            TypeError: the name breaks the rules, or the message is not a dict.
        """
        self._hand_over(group, message, None)

    # A thread with a running event loop.

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return a name that no other channel has, such as ``specific.inmemory!0f64…``."""
        name = f"{prefix}.inmemory!{secrets.token_hex(8)}"
        self.require_valid_channel_name(name)
        return name

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Queue a message for the reader of a channel.

        Raises:
            ChannelFull: the channel holds as many messages as its capacity.
            TypeError: the name breaks the rules, or the message is not a dict.
        """
        self.require_valid_channel_name(channel)
        self.require_valid_message(message)
        copied = copy_message(message)
        with self._changing() as (now, woken):
            accepted = self._boxes.put(channel, (now, copied), now)
            woken.extend(self._waiters.pop(channel, ()))
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
            waiter = loop.create_future()
            message = self._take_or_wait(channel, waiter)
            if message is not None:
                own: dict[str, Any] = copy_message(message)
                return own
            try:
                await waiter
            except asyncio.CancelledError:
                self._stop_waiting(channel, waiter)
                raise

    async def group_add(self, group: str, channel: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Let a channel receive what is sent to a group from now on, for ``group_expiry`` seconds."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing() as (now, _):
            self._boxes.join(group, channel, now)

    async def group_discard(self, group: str, channel: str) -> None:
        """End a channel's membership of a group; what was sent before still arrives."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._changing():
            self._boxes.leave(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, as :meth:`publish` does."""
        self._hand_over(group, message, asyncio.get_running_loop())

    async def flush(self) -> None:
        """Forget every message and every group; calls that wait in :meth:`receive` keep waiting."""
        with self._lock:
            self._backlog.clear()
            self._boxes.clear()

    # Any thread, without the lock unless the backlog is full.

    def _hand_over(self, group: str, message: dict[str, Any], here: asyncio.AbstractEventLoop | None) -> None:
        self.require_valid_group_name(group)
        self.require_valid_message(message)
        if not self._boxes.has_members(group):
            return
        now = self._clock()
        if not self._backlog.append((group, (now, copy_message(message))), here):
            with self._lock:
                self._boxes.dropped += len(self._boxes.members(group, now))

    # Takes the lock: decide with it, wake waiters after letting it go.

    def _collect(self) -> None:
        """Deliver a part of the backlog (on an event loop, which comes back for the rest)."""
        woken: list[_Waiter] = []
        with self._lock:
            self._deliver(self._per_turn, self._clock(), woken)
        _wake(woken)

    @contextlib.contextmanager
    def _changing(self) -> Generator[tuple[float, list[_Waiter]]]:
        """Hold the lock for a change, with all delivered that came before it; give the time and the woken."""
        woken: list[_Waiter] = []
        try:
            with self._lock:
                now = self._clock()
                self._deliver(len(self._backlog), now, woken)
                yield now, woken
        finally:
            _wake(woken)

    def _take_or_wait(self, channel: str, waiter: _Waiter) -> dict[str, Any] | None:
        """Return the next message of a channel, or list the waiter as one to wake when there is one."""
        woken: list[_Waiter] = []
        with self._lock:
            now = self._clock()
            # Before the backlog is looked at: what a thread appends after that look calls this loop.
            if self._backlog.add_home(waiter.get_loop()):
                self._forget_closed_loops()
            message = self._boxes.take(channel, now)
            if message is None and self._backlog:
                self._deliver(self._per_turn, now, woken)
                message = self._boxes.take(channel, now)
            if message is None:
                self._waiters.setdefault(channel, []).append(waiter)
        _wake(woken)
        return message

    def _stop_waiting(self, channel: str, waiter: _Waiter) -> None:
        """Take a cancelled waiter off the list. One that is not on it was woken, and its rivals with it."""
        with self._lock:
            self._keep(channel, [other for other in self._waiters.get(channel, ()) if other is not waiter])

    # The lock is held.

    def _deliver(self, limit: int, now: float, woken: list[_Waiter]) -> None:
        """Move up to `limit` group messages from the backlog into their members' channels."""
        for _ in range(limit):
            item = self._backlog.pop()
            if item is None:
                break
            for channel in self._boxes.put_all(*item, now):
                if channel in self._waiters:
                    woken += self._waiters.pop(channel)
        # Not before: what is still to be delivered goes to those who were members when it was sent.
        if not self._backlog:
            self._boxes.sweep(now)

    def _forget_closed_loops(self) -> None:
        for channel, waiters in tuple(self._waiters.items()):
            self._keep(channel, [waiter for waiter in waiters if not waiter.get_loop().is_closed()])

    def _keep(self, channel: str, waiters: list[_Waiter]) -> None:
        if waiters:
            self._waiters[channel] = waiters
        else:
            self._waiters.pop(channel, None)


def _wake(waiters: list[_Waiter]) -> None:
    """Let waiters look at their channels, each on its own loop; one call for each loop that is elsewhere."""
    if not waiters:
        return
    here = _running_loop()
    elsewhere: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
    for waiter in waiters:
        loop = waiter.get_loop()
        if loop is here:
            _release([waiter])
        else:
            elsewhere.setdefault(loop, []).append(waiter)
    for loop, theirs in elsewhere.items():
        with contextlib.suppress(RuntimeError):  # The loop has been closed, and who waited on it is gone.
            loop.call_soon_threadsafe(_release, theirs)


def _release(waiters: list[_Waiter]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
