"""The groups of one WebSocket, and what is sent to them. All on the loop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from hybrid.adapters.flask.messages import from_group
from hybrid.bridge.errors import InvalidChannelLayerError
from hybrid.bridge.layers import BaseChannelLayer, get_channel_layer
from hybrid.bridge.layers.presence import Replay

logger = logging.getLogger("hybrid.flask")


def layer_of(alias: str) -> BaseChannelLayer:
    """Return a channel layer.

    Raises:
        InvalidChannelLayerError: there is none, or one that cannot say who is in a group.
    """
    layer = get_channel_layer(alias)
    if not isinstance(layer, BaseChannelLayer):
        raise InvalidChannelLayerError(f"{layer!r} is no channel layer of hybrid's: {alias!r} has to be one")
    return layer


class Membership:
    """A channel of a layer, the groups that it belongs to, and a task that passes on what comes through it.

    Channel and task are made with the first group.

    Args:
        alias: of the channel layer.
        deliver: sends a payload to the client.
        too_slow: called when the channel is full, where the layer's policy is to close.

    Attributes:
        payload: what is sent for a message of the layer.
    """

    payload = staticmethod(from_group)

    def __init__(
        self,
        alias: str,
        deliver: Callable[[Mapping[str, Any]], Awaitable[None]],
        too_slow: Callable[[], None],
    ) -> None:
        self._alias = alias
        self._deliver = deliver
        self._too_slow = too_slow
        self._joined: set[str] = set()
        self._watched: set[str] = set()
        self._channel: asyncio.Task[str] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._stopped = False

    def __repr__(self) -> str:
        return f"<Membership of {', '.join(sorted(self._joined)) or 'no group'}>"

    @property
    def layer(self) -> BaseChannelLayer:
        """The channel layer."""
        return layer_of(self._alias)

    async def join(self, group: str, metadata: Mapping[str, Any] | None, *, watch: bool) -> None:
        """Belong to a group, and hear who comes and goes if wanted."""
        channel = await self._open()
        self._joined.add(group)
        await self.layer.group_add(group, channel, metadata)
        if watch:
            self._watched.add(group)
            await self.layer.group_watch(group, channel)
        await self._undo_if_stopped()

    async def leave(self, group: str) -> None:
        """Belong to a group no more."""
        if group not in self._joined and group not in self._watched:
            return
        channel = await self._open()
        if group in self._watched:
            self._watched.discard(group)
            await self.layer.group_unwatch(group, channel)
        if group in self._joined:
            self._joined.discard(group)
            await self.layer.group_discard(group, channel)

    async def resume(
        self, group: str, after: int | None, metadata: Mapping[str, Any] | None, *, watch: bool
    ) -> Replay:
        """Join a group, and return what was sent to it after a message."""
        channel = await self._open()
        self._joined.add(group)
        replay = await self.layer.resume(group, after, channel, metadata)
        if watch:
            self._watched.add(group)
            await self.layer.group_watch(group, channel)
        await self._undo_if_stopped()
        return replay

    def stop(self) -> None:
        """Leave all groups, and pass nothing on any more; begins at once, and :meth:`leave_all` waits."""
        if not self._stopped:
            self._stopped = True
            if self._channel is not None:
                self._leaving = asyncio.get_running_loop().create_task(self._leave())

    async def leave_all(self) -> None:
        """Wait until all groups are left."""
        self.stop()
        if self._leaving is not None:
            await self._leaving

    async def _open(self) -> str:
        """Return the channel, which is made once."""
        if self._channel is None:
            self._channel = asyncio.get_running_loop().create_task(self._make())
        return await asyncio.shield(self._channel)

    async def _make(self) -> str:
        layer = self.layer
        channel = await layer.new_channel("socket")
        if getattr(layer, "overflow", None) == "close":
            layer.on_overflow(channel, self._too_slow)
        self._pump = asyncio.get_running_loop().create_task(self._pass_on(channel))
        return channel

    async def _pass_on(self, channel: str) -> None:
        layer = self.layer
        try:
            while True:
                message = await layer.receive(channel)
                try:
                    payload = from_group(message)
                except TypeError as error:  # somebody else's message, which is not for JSON
                    logger.error("a message of a group cannot be sent: %s", error)
                    continue
                await self._deliver(payload)
        except Exception:
            logger.exception("the channel %s cannot be read any more", channel)
            self._too_slow()

    async def _undo_if_stopped(self) -> None:
        """Take back what was joined while the client left."""
        if self._stopped:
            await self._leave()

    async def _leave(self) -> None:
        assert self._channel is not None
        if self._pump is not None:
            self._pump.cancel()
        try:
            channel = await self._channel
            if self._pump is not None:
                self._pump.cancel()
            if hasattr(self.layer, "close_channel"):
                self.layer.close_channel(channel)
                return
            for group in (*self._watched, *self._joined):  # somebody else's layer
                await self.leave(group)
        except Exception:
            logger.exception("groups could not be left: %s", self)
        if self._pump is not None:
            with suppress(asyncio.CancelledError):
                await self._pump
