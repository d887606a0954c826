"""A layer at work on one event loop: its hub, whether there is a connection, and what arrives and leaves."""

import asyncio
import contextlib
import enum
import time
from collections.abc import Sequence
from typing import Any, Final

from hybrid.bridge.layers.arrivals import Arrivals, message_of
from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.catching_up import CatchingUp
from hybrid.bridge.layers.errands import Errands
from hybrid.bridge.layers.history import select
from hybrid.bridge.layers.hub import Delivery, History, Hub, HubEvents, Joining, Sending
from hybrid.bridge.layers.losses import Losses, Reason
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.outgoing import Outgoing, Parcel
from hybrid.bridge.layers.presence import Member, Replay
from hybrid.bridge.layers.roster import Roster

#: Messages that are handed to members before they have a turn to read.
_PER_TURN: Final = 32


class State(enum.Enum):
    """Whether there is a connection."""

    CONNECTING = enum.auto()  #: the first attempt is under way: worth waiting for
    CONNECTED = enum.auto()
    AWAY = enum.auto()  #: it was lost, or could not be had; what is asked now fails


class Moved(ConnectionError):
    """The layer is at work on another loop by now."""


class Link:
    """What a layer has on its home loop. All on that loop, but :meth:`retire`.

    Args:
        layer: whose rules and options count.
        hub: what carries the messages.
        errands: what other processes ask for, and are asked for.
        local: the channels and groups of this process.
        roster: what is said to the hub whenever there is a new connection.
        outgoing: what waits to be sent.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - these are the parts of one layer
        self,
        layer: BaseChannelLayer,
        hub: Hub,
        errands: Errands,
        local: InMemoryChannelLayer,
        roster: Roster,
        outgoing: Outgoing,
    ) -> None:
        self.hub = hub
        self.errands = errands
        self.state = State.CONNECTING
        self._layer = layer
        self._losses: Losses = layer.losses
        self._local = local
        self._roster = roster
        self._outgoing = outgoing
        self._subscribed: set[str] = set()
        self._catching_up = CatchingUp(hub, roster, layer.losses, self._on_delivered)
        self._retired = False
        self._is_closing = False
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()  # set, and replaced, with every change of the state and with room
        self._arrivals = Arrivals(local, errands, roster, min(_PER_TURN, layer.capacity))
        self._timer: asyncio.TimerHandle | None = None
        self._settling: asyncio.TimerHandle | None = None
        # Twice within the shortest of the times that somebody set.
        self._interval = min(layer.expiry, layer.group_expiry, 5.0) / 2

    def __repr__(self) -> str:
        return f"<Link {self.state.name}, {len(self._subscribed)} groups, {self._outgoing!r}>"

    # Its life.

    def open(self, node: str) -> None:
        """Begin to connect."""
        events = HubEvents(
            delivered=self._on_delivered,
            changed=self._on_changed,
            flushed=self._on_flushed,
            connected=self._on_connected,
            disconnected=self._on_disconnected,
            room=self._on_room,
            lost=self._on_lost,
        )
        self.hub.open(node, events)
        self._timer = self._loop.call_later(self._interval, self._tick)

    async def close(self) -> None:
        """Send what can be sent, say goodbye and let go of the connection; once."""
        if self._is_closing:
            return
        self._is_closing = True
        if self.state is State.CONNECTED:
            self.send_all()
        self._change(State.AWAY)  # what is said during the goodbye is too late for it
        await self.hub.close()
        self._stop()
        self.errands.cancel()
        while (parcel := self._outgoing.pop()) is not None:
            self._losses.count("disconnected", example=parcel.target)

    def retire(self) -> None:
        """Be at work no more, and say nothing to the hub: somebody else goes on (any thread)."""
        self._retired = True
        with contextlib.suppress(RuntimeError):  # the loop has been closed, and all on it has ended
            self._loop.call_soon_threadsafe(self._give_up)

    def _give_up(self) -> None:
        self.hub.stop()
        self._stop()

    def _stop(self) -> None:
        self._retired = True
        self._change(State.AWAY)
        for timer in (self._timer, self._settling):
            if timer is not None:
                timer.cancel()

    def _change(self, state: State) -> None:
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()

    async def settled(self) -> bool:
        """Wait for the first attempt to connect, if it is under way; return whether there is a connection."""
        while self.state is State.CONNECTING:
            await self._changed.wait()
        return self.state is State.CONNECTED

    async def connected(self) -> None:
        """Wait for a connection.

        Raises:
            ConnectionError: there will be none, as the layer closes.
            Moved: nor here, as somebody else goes on.
        """
        while self.state is not State.CONNECTED:
            if self._is_closing:
                raise ConnectionError("the layer has been closed")
            if self._retired:
                raise Moved("the layer is at work on another event loop")
            await self._changed.wait()

    # What leaves.

    def send(self, parcel: Parcel) -> None:
        """Send a message, or let it wait for the connection, for room, and for those before it."""
        if self.hub.has_room and not self._outgoing:
            self._send(parcel)
        elif not self._outgoing.put(parcel):
            reason: Reason = "disconnected" if self.state is State.AWAY else "full"
            self._losses.count(reason, example=parcel.target)

    async def has_room(self) -> None:
        """Wait while much waits to be sent and there is a connection for it."""
        while self._outgoing.is_crowded and self.state is not State.AWAY:
            await self._changed.wait()

    def send_all(self) -> None:
        """Send all that waits, for what is asked next is to come after it."""
        if self.state is State.CONNECTED:
            while (parcel := self._outgoing.pop()) is not None:
                self._send(parcel)

    def _send(self, parcel: Parcel) -> None:
        try:
            if parcel.channel is None:
                assert parcel.group is not None
                self.hub.publish(parcel.group, parcel.body, self._kept(parcel.group))
            else:
                sent = self.hub.send(parcel.channel, parcel.body, self.waiting(parcel.channel))
                sent.add_done_callback(lambda future: self._on_sent(parcel.target, future))
        except ConnectionError:
            self._losses.count("disconnected", example=parcel.target)

    def _on_sent(self, target: str, future: asyncio.Future[bool]) -> None:
        if future.cancelled() or future.exception() is not None:
            self._losses.count("disconnected", example=target)
        elif not future.result():
            self._losses.count("disconnected" if "!" in target else "full", example=target)

    def _kept(self, group: str) -> Sending:
        return Sending(self._layer.get_history(group), self._layer.history_expiry)

    def waiting(self, channel: str) -> Sending:
        """Return how a queue takes a message."""
        drop_oldest = self._layer.overflow == "drop_oldest"
        return Sending(self._layer.get_capacity(channel), self._layer.expiry, drop_oldest)

    # Groups. While there is no connection, what is said here is said again when there is one.

    def subscribe(self, group: str) -> None:
        """Have what is sent to a group delivered."""
        if self.state is State.CONNECTED and group not in self._subscribed:
            self.hub.subscribe(group)
            self._subscribed.add(group)

    async def join(self, group: str, channel: str, metadata: bytes | None) -> None:
        """Make a channel of this process a member, at a moment of the order in which messages arrive."""

        async def at(last: int) -> None:
            self._note(group, last)
            await self._local.group_add(group, channel)

        try:
            self.subscribe(group)
            await self.hub.join(Joining(group, channel, metadata, self._layer.group_expiry), at)
        except ConnectionError:
            await self._local.group_add(group, channel)

    def join_queue(self, group: str, queue: str, metadata: bytes | None) -> asyncio.Future[None]:
        """Make a queue a member, which is no process's."""
        expiry = self._layer.group_expiry
        return self.hub.join(Joining(group, queue, metadata, expiry, self.waiting(queue)))

    async def watch(self, group: str, *, is_first: bool) -> None:
        """Be told who joins and leaves a group; only the first who watches it has to ask."""
        with contextlib.suppress(ConnectionError):  # then it is said with the next one
            if is_first:
                self._watch(group)
            await self.hub.sync()

    def _watch(self, group: str, *, is_settled: bool = False) -> None:
        """Ask who is there, too, and tell what is news of it; when all have said it, also who has left."""
        told = self._roster.told

        async def at(members: list[Member]) -> None:
            if self._retired or not self._roster.is_watched(group):
                return
            for joined, member in told.compare(group, members) if is_settled else told.begin(group, members):
                await self._arrivals.tell(group, joined, member)

        _forget(self.hub.watch(group, at))

    def _compare_watched(self) -> None:
        with contextlib.suppress(ConnectionError):
            for group in self._roster.watched():
                self._watch(group, is_settled=True)

    def unwatch(self, group: str) -> None:
        """End that."""
        with contextlib.suppress(ConnectionError):
            self.hub.unwatch(group)

    def close_channel(self, channel: str) -> None:
        """Let a channel belong to nothing any more."""
        for group in self._roster.groups_of(channel):
            self._roster.leave(group, channel)
            with contextlib.suppress(ConnectionError):
                _forget(self.hub.leave(group, channel))
        self.stop_watching(channel)

    def stop_watching(self, channel: str) -> None:
        """Let a channel be told of no group any more."""
        for group in self._roster.watched_by(channel):
            if self._roster.unwatch(group, channel):
                self.unwatch(group)

    def _note(self, group: str, last: int) -> None:
        """Note which message was the newest when the first member came, who may have left again."""
        if self._roster.count(group):
            self._roster.seen.setdefault(group, last)

    async def leave(self, group: str, channel: str) -> None:
        """End a membership, at a moment of that order."""

        async def at() -> None:
            await self._local.group_discard(group, channel)

        try:
            await self.hub.leave(group, channel, at)
        except ConnectionError:
            await at()

    async def resume(
        self, group: str, after: int | None, channel: str | None, metadata: bytes | None
    ) -> Replay:
        """Return what was sent to a group, and make a channel a member at that moment of the order."""
        answers: list[History] = []

        async def at(history: History) -> None:
            answers.append(history)
            if channel is not None:
                self._note(group, history.last)
                # Which also takes out what waits in the channel of this group: it comes with the answer.
                await self._local.resume(group, None, channel)

        if channel is not None:
            self.subscribe(group)
        asked = self.hub.history(group, 0 if after is None else after, at)
        if channel is not None:
            _forget(self.hub.join(Joining(group, channel, metadata, self._layer.group_expiry)))
        await asked
        return _replay(answers[0], after)

    # What the hub tells.

    def _on_connected(self) -> None:
        """Say everything again, in this order: what was sent to a group meanwhile is asked for, and what
        comes after that arrives.
        """
        if self._retired or self._is_closing:
            return
        now = time.monotonic()
        self._subscribed.clear()
        self._catching_up.forget()
        try:
            for group in self._roster.watched():
                self._watch(group)
            for group in self._roster.groups():
                self.hub.subscribe(group)
                self._subscribed.add(group)
                if self._layer.get_history(group):
                    self._catching_up.ask(group)
            for group, channel, membership in self._roster.all():
                left = membership.until - now
                _forget(self.hub.join(Joining(group, channel, membership.metadata, left)))
        except ConnectionError:
            return
        self._settle()
        self._change(State.CONNECTED)
        self._on_room()

    def _settle(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        if self._roster.told:
            self._settling = self._loop.call_later(self.hub.settling, self._compare_watched)

    def _on_disconnected(self) -> None:
        if not self._retired:
            self._change(State.AWAY)

    def _on_room(self) -> None:
        while self.hub.has_room and (parcel := self._outgoing.pop()) is not None:
            self._send(parcel)
        self._change(self.state)

    def _on_lost(self, reason: Reason, number: int, example: str) -> None:
        self._losses.count(reason, number, example=example)

    async def _on_flushed(self) -> None:
        if not self._retired:
            self._roster.clear()
            self._outgoing.clear()
            await self._local.flush()

    async def _on_delivered(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._retired:
                return
            if not self._catching_up.covers(delivery):
                await self._arrivals.deliver(delivery)

    async def _on_changed(self, group: str, joined: bool, member: Member) -> None:
        if not self._retired and self._roster.told.note(group, joined, member):
            await self._arrivals.tell(group, joined, member)

    # Time.

    def _tick(self) -> None:
        """End what has lasted long enough, and come back."""
        self._timer = self._loop.call_later(self._interval, self._tick)
        now = time.monotonic()
        reason: Reason = "expired" if self.state is State.CONNECTED else "disconnected"
        for parcel in self._outgoing.expire(now):
            self._losses.count(reason, example=parcel.target)
        over = self._roster.expire(now)
        unwatched = self._roster.expire_watchers(now)
        with contextlib.suppress(ConnectionError):
            for group, channel in over:
                _forget(self.hub.leave(group, channel))
            for group in unwatched:
                self.hub.unwatch(group)
            for group in [group for group in self._subscribed if not self._roster.count(group)]:
                # Not with the last one's leaving: the next one often comes soon.
                self._subscribed.discard(group)
                self.hub.unsubscribe(group)


def _replay(history: History, after: int | None) -> Replay:
    """Return what somebody needs who has a group's messages up to a number."""
    if after and after == history.last:
        return Replay([], history.last, gap=False)
    kept = [
        (each.sequence, message) for each in history.messages if (message := message_of(each)) is not None
    ]
    past = select(kept, after, whole=not kept or kept[0][0] == history.start)
    return Replay([message for _, message in past.entries], history.last, past.gap)


def _forget(future: asyncio.Future[Any]) -> None:
    """Let nobody miss the answer: a connection that is lost says everything again anyway."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
