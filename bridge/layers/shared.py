"""A channel layer that reaches several processes, whatever lies between them: the part that each one has."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers.codec import decode, encode
from hybrid.bridge.layers.errands import Errand
from hybrid.bridge.layers.home import Kind
from hybrid.bridge.layers.life import is_opened_by_server
from hybrid.bridge.layers.link import Link, Moved, State
from hybrid.bridge.layers.outgoing import Parcel
from hybrid.bridge.layers.presence import Member, Replay
from hybrid.bridge.layers.resident import Resident
from hybrid.bridge.layers.waiters import running_loop

Result = TypeVar("Result")


class SharedChannelLayer(Resident):
    """The channels, groups and readers of one process of several, over a :class:`Hub`.

    Every method may be called on any thread, the coroutine methods on any event loop. The connection is at
    home on one: that of the server that opened the layer, or the first that uses it. :meth:`publish` and
    :meth:`post` need none, and start a thread where there is none.

    A channel whose name has a ``!`` belongs to the process that made it, and only that one receives from it.
    Any other name is a queue, from which any process may receive, each message once.

    Without a connection the layer goes on: members stay members, and what is sent waits for ``expiry``
    seconds, or until ``backlog`` messages wait. What cannot be sent then counts in :attr:`losses`.

    Args:
        backlog: messages that may wait to be sent.
        max_message_size: bytes that a message may have when it is encoded.
        timeout: seconds that a question may take, and :meth:`publish` where no loop runs.
        options: those of :class:`~hybrid.bridge.layers.base.BaseChannelLayer`.
    """

    # Channels.

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return a name that no other channel has, such as ``specific.5f3a…!0f64…``."""
        name = f"{prefix}.{self.node}!{secrets.token_hex(8)}"
        self.require_valid_channel_name(name)
        if self._link is None or self._link.state is State.CONNECTING:
            await self._at_home(self._linked)  # so that whoever is told the name can use it
        return name

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Queue a message for the reader of a channel, wherever that is.

        Raises:
            ChannelFull: the channel is one of this process, or a queue, and full.
            MessageTooLarge: the message is larger than ``max_message_size``.
            TypeError: the name breaks the rules, or the message is not a dict of what it may have.
        """
        self.require_valid_channel_name(channel)
        self.require_valid_message(message)
        if self.owns(channel):
            await self._local.send(channel, message)
        else:
            await self._at_home(self._send, self._parcel(None, channel, message))

    async def _send(self, parcel: Parcel) -> None:
        link = await self._linked()
        if "!" in (parcel.channel or "") or link.state is not State.CONNECTED:
            await self._hand_in(link, parcel)
            return
        assert parcel.channel is not None
        try:
            taken = await link.hub.send(parcel.channel, parcel.body, link.waiting(parcel.channel))
        except ConnectionError:
            self.losses.count("disconnected", example=parcel.target)
            return
        if not taken:
            raise ChannelFull(
                f"channel {parcel.channel!r} is full: {self.get_capacity(parcel.channel)} messages"
            )

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel, one of this process or a queue, and return it.

        Raises:
            ChannelLayerError: the layer has been closed, and no message of the queue comes here.
            ValueError: the channel belongs to another process.
        """
        if self._mark in channel:
            if not self._home.is_running:
                self._home.enter()
            return await self._local.receive(channel)
        self.require_valid_channel_name(channel)
        if "!" in channel:
            raise ValueError(f"channel {channel!r} belongs to another process, which alone receives from it")
        while True:
            try:
                message: dict[str, Any] = decode(await self._receive_from_queue(channel))
            except Moved:
                continue  # to where the layer is now
            except ConnectionError as error:
                raise self.no_answer(f"channel {channel}", error) from error
            return message

    async def _receive_from_queue(self, queue: str) -> bytes:
        home = self._home.enter()
        if home is asyncio.get_running_loop():
            return await self._take(queue)
        taking = self._home.run(self._take, queue)
        try:
            body: bytes = await asyncio.wrap_future(taking)
        except asyncio.CancelledError:
            if taking.done() and not taking.cancelled() and taking.exception() is None:
                self._home.run(self._put_back, queue, taking.result())
            raise
        return body

    async def _put_back(self, queue: str, body: bytes) -> None:
        link = self._link
        try:
            if link is not None:
                link.hub.put_back(queue, body, self.expiry)
        except ConnectionError:
            self.losses.count("disconnected", example=f"channel {queue}")

    async def _take(self, queue: str) -> bytes:
        link = self._present()
        while True:
            await link.connected()
            with contextlib.suppress(ConnectionError):
                return await self._take_once(link, queue)

    async def _take_once(self, link: Link, queue: str) -> bytes:
        taken = link.hub.take(queue)
        try:
            return await taken
        except asyncio.CancelledError:
            if taken.done() and not taken.cancelled() and taken.exception() is None:
                await self._put_back(queue, taken.result())  # it came at the same moment, and goes back
            raise

    def on_overflow(self, channel: str, callback: Callable[[], object] | None) -> None:
        """Have a function called when a channel of this process was full and ``overflow`` is "close"."""
        self._local.on_overflow(channel, callback)

    def close_channel(self, channel: str) -> None:
        """End a channel of this process whose reader is gone for good."""
        self._local.close_channel(channel)
        if self._link is not None:
            self._call_at_home(self._link.close_channel, channel)

    def stop_reading(self, channel: str) -> None:
        """Say that nobody receives from a channel any more, though it stays a member until it is closed."""
        self._local.stop_reading(channel)
        if self._link is not None:
            self._call_at_home(self._link.stop_watching, channel)

    def _call_at_home(self, function: Callable[[str], object], channel: str) -> None:
        loop = self._home.loop
        if loop is None or loop is running_loop():
            function(channel)
        else:
            with contextlib.suppress(RuntimeError):  # the loop has been closed, and the hub knows nothing
                loop.call_soon_threadsafe(function, channel)

    # Groups.

    async def group_add(self, group: str, channel: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Let a channel, of any process, receive what is sent to a group from now on."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        await self._at_home(self._group_add, group, channel, self._encoded(metadata))

    async def _group_add(self, group: str, channel: str, metadata: bytes | None) -> None:
        if self._local.is_closed(channel):
            return
        if self.owns(channel):
            self._roster.join(group, channel, metadata, time.monotonic() + self.group_expiry)
            link = await self._linked()
            await link.join(group, channel, metadata)
        elif "!" in channel:
            link = await self._linked()
            await link.errands.send(Errand("group_add", group, channel, metadata))
        else:
            await self._ask(lambda link: link.join_queue(group, channel, metadata), group)

    async def group_discard(self, group: str, channel: str) -> None:
        """End a channel's membership of a group; what was sent before still arrives."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        await self._at_home(self._group_discard, group, channel)

    async def _group_discard(self, group: str, channel: str) -> None:
        if self.owns(channel):
            self._roster.leave(group, channel)
            link = await self._linked()
            await link.leave(group, channel)
        elif "!" in channel:
            link = await self._linked()
            await link.errands.send(Errand("group_discard", group, channel))
        else:
            await self._ask(lambda link: link.hub.leave(group, channel), group)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, in all processes.

        Where a server has opened the layer this queues the message; elsewhere it returns when the hub has it,
        as the loop may end at any moment.

        Raises:
            MessageTooLarge: the message is larger than ``max_message_size``.
            TypeError: the name breaks the rules, or the message is not a dict of what it may have.
        """
        self.require_valid_group_name(group)
        self.require_valid_message(message)
        parcel = self._parcel(group, None, message)
        here = asyncio.get_running_loop()
        if self._home.enter() is here:
            assert self._link is not None
            await self._hand_in(self._link, parcel)
        elif not self._backlog.append(parcel, here):
            self.losses.count("full", example=parcel.target)

    async def _hand_in(self, link: Link, parcel: Parcel) -> None:
        """Send a message from the home loop."""
        self._collect()
        link.send(parcel)
        await link.has_room()
        if self._home.kind is Kind.ADOPTED and await link.settled():
            link.send_all()
            with contextlib.suppress(ConnectionError):  # the hub tells what was lost
                await link.hub.sync()

    async def group_count(self, group: str) -> int:
        """Return how many channels belong to a group, in all processes.

        Raises:
            ChannelLayerError: the hub does not answer.
        """
        self.require_valid_group_name(group)
        return await self._ask(lambda link: link.hub.count(group), group)

    async def group_members(self, group: str) -> list[Member]:
        """Return the channels that belong to a group, in all processes, those that joined first first.

        Raises:
            ChannelLayerError: the hub does not answer.
        """
        self.require_valid_group_name(group)
        return await self._ask(lambda link: link.hub.members(group), group)

    async def group_watch(self, group: str, channel: str) -> None:
        """Have a channel told who joins and leaves a group from now on, for ``group_expiry`` seconds.

        Raises:
            ValueError: the channel is a queue.
        """
        self.require_valid_group_name(group)
        self._require_reader(channel)
        await self._at_home(self._group_watch, group, channel)

    async def _group_watch(self, group: str, channel: str) -> None:
        if self._local.is_closed(channel):
            return
        link = await self._linked()
        if not self.owns(channel):
            await link.errands.send(Errand("group_watch", group, channel))
            return
        is_first = self._roster.watch(group, channel, time.monotonic() + self.group_expiry)
        await link.watch(group, is_first=is_first)

    async def group_unwatch(self, group: str, channel: str) -> None:
        """End that; it need not have begun."""
        self.require_valid_group_name(group)
        self._require_reader(channel)
        await self._at_home(self._group_unwatch, group, channel)

    async def _group_unwatch(self, group: str, channel: str) -> None:
        link = await self._linked()
        if not self.owns(channel):
            await link.errands.send(Errand("group_unwatch", group, channel))
        elif self._roster.unwatch(group, channel):
            link.unwatch(group)

    async def resume(
        self,
        group: str,
        after: int | None,
        channel: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Replay:
        """Return what was sent to a group after a message that one has, and join it at the same moment.

        Raises:
            ChannelLayerError: the hub does not answer; nobody has joined.
            ValueError: the channel is not one of this process.
        """
        self.require_valid_group_name(group)
        self.require_valid_sequence(after)
        if channel is not None:
            self.require_valid_channel_name(channel)
            if not self.owns(channel):
                raise ValueError(f"channel {channel!r} is not of this process, which is where one resumes")
        return await self._at_home(self._resume, group, after, channel, self._encoded(metadata))

    async def _resume(
        self, group: str, after: int | None, channel: str | None, metadata: bytes | None
    ) -> Replay:
        if channel is None or self._local.is_closed(channel):
            return await self._ask(lambda link: link.resume(group, after, None, None), group)
        was_member = self._roster.has(group, channel)
        self._roster.join(group, channel, metadata, time.monotonic() + self.group_expiry)
        try:
            return await self._ask(lambda link: link.resume(group, after, channel, metadata), group)
        except BaseException:
            if not was_member:
                await self._group_discard(group, channel)
            raise

    # Any thread.

    def publish(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every member of a group, from any thread.

        Where the layer is at work on an event loop of this process, or one runs on this thread, this only
        queues the message. Elsewhere it returns when the hub has it.

        Raises:
            ChannelLayerError: no loop runs, and the hub did not take the message in time.
            MessageTooLarge: the message is larger than ``max_message_size``.
            TypeError: the name breaks the rules, or the message is not a dict of what it may have.
        """
        self.require_valid_group_name(group)
        self.require_valid_message(message)
        self._hand_over(self._parcel(group, None, message))

    def post(self, channel: str, message: dict[str, Any]) -> None:
        """Send a message to the reader of a channel, as :meth:`publish` does; raises the same."""
        self.require_valid_channel_name(channel)
        self.require_valid_message(message)
        if self.owns(channel):
            self._local.post(channel, message)
        else:
            self._hand_over(self._parcel(None, channel, message))

    def _hand_over(self, parcel: Parcel) -> None:
        here = running_loop()
        if here is not None:
            self._home.enter()
        # A server is about to open a layer that has just been made: then it is home, and a thread of the
        # layer's own would be stopped with what it is doing.
        at_work = self._home.is_running and self._home.kind is not Kind.THREAD
        if here is not None or at_work or is_opened_by_server(self):
            if not self._backlog.append(parcel, here):
                self.losses.count("full", example=parcel.target)
            return
        try:
            self._home.start_thread()
            self._home.run(self._hand_in_safely, parcel).result()
        except (ConnectionError, TimeoutError) as error:
            raise self.no_answer(f"the message for {parcel.target} was not sent", error) from error

    async def _hand_in_safely(self, parcel: Parcel) -> None:
        """Send a message, and return when the hub has it (on the layer's own thread)."""
        link = self._present()
        async with asyncio.timeout(self.timeout):
            await link.connected()
            link.send_all()
            link.send(parcel)
            link.send_all()
            await link.hub.sync()

    # The layer itself.

    async def flush(self) -> None:
        """Forget every message, every group and every history, in all processes; readers keep waiting.

        Raises:
            ChannelLayerError: the hub does not answer.
        """
        await self._ask(lambda link: link.hub.flush(), "flush")

    # Inside.

    def _parcel(self, group: str | None, channel: str | None, message: dict[str, Any]) -> Parcel:
        return Parcel(group, channel, encode(message, self.max_message_size), time.monotonic())

    def _encoded(self, metadata: Mapping[str, Any] | None) -> bytes | None:
        return None if metadata is None else encode(dict(metadata), self.max_message_size)

    def _require_reader(self, channel: str) -> None:
        self.require_valid_channel_name(channel)
        if "!" not in channel:
            raise ValueError(f"{channel!r} is a queue: only a channel that somebody reads alone can watch")

    async def _run_errand(self, errand: Errand) -> None:
        group, channel = errand.group, errand.channel
        if not self.owns(channel):
            return  # of a process that had this connection's name before it: gone
        if errand.verb == "group_add":
            await self._group_add(group, channel, errand.metadata)
        elif errand.verb == "group_discard":
            await self._group_discard(group, channel)
        elif errand.verb == "group_watch":
            await self._group_watch(group, channel)
        elif errand.verb == "group_unwatch":
            await self._group_unwatch(group, channel)
