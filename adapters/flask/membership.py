"""The groups of one WebSocket, and what is sent to them. All on the loop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
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
        self._groups: set[str] = set()
        self._watched: set[str] = set()
        self._opening = asyncio.Lock()
        self._channel: str | None = None
        self._pump: asyncio.Task[None] | None = None
        self._stopped = False

    def __repr__(self) -> str:
        return f"<Membership of {', '.join(sorted(self._groups)) or 'no group'}>"

    @property
    def layer(self) -> BaseChannelLayer:
        """The channel layer."""
        return layer_of(self._alias)

    async def join(self, group: str, metadata: Mapping[str, Any] | None, *, watch: bool) -> None:
        """Belong to a group, and hear who comes and goes if wanted."""
        channel = await self._open()
        await self.layer.group_add(group, channel, metadata)
        await self._joined(group, channel, watch=watch)

    async def resume(
        self, group: str, after: int | None, metadata: Mapping[str, Any] | None, *, watch: bool
    ) -> Replay:
        """Join a group, and return what was sent to it after a message."""
        channel = await self._open()
        replay = await self.layer.resume(group, after, channel, metadata)
        await self._joined(group, channel, watch=watch)
        return replay

    async def leave(self, group: str) -> None:
        """Belong to a group no more."""
        if group in self._groups and self._channel is not None:
            self._groups.discard(group)
            await self.layer.group_discard(group, self._channel)
            if group in self._watched:
                self._watched.discard(group)
                await self.layer.group_unwatch(group, self._channel)

    def stop(self) -> None:
        """Leave all groups, and pass nothing on any more: the client has left, or is to be gone."""
        if not self._stopped:
            self._stopped = True
            if self._channel is not None and self._pump is not None:
                self._pump.cancel()
                self.layer.close_channel(self._channel)

    async def end(self) -> None:
        """Stop, and wait until nothing is passed on any more."""
        self.stop()
        if self._pump is not None:
            await asyncio.wait({self._pump})

    async def _joined(self, group: str, channel: str, *, watch: bool) -> None:
        self._groups.add(group)
        if watch:
            self._watched.add(group)
            await self.layer.group_watch(group, channel)

    async def _open(self) -> str:
        """Return the channel, which is made once. What is joined after the end is not joined."""
        async with self._opening:
            if self._channel is None:
                layer = self.layer
                channel = await layer.new_channel("socket")
                if self._stopped:  # meanwhile
                    layer.close_channel(channel)
                    return channel
                if layer.overflow == "close":
                    layer.on_overflow(channel, self._too_slow)
                self._channel = channel
                self._pump = asyncio.get_running_loop().create_task(self._pass_on(channel))
            return self._channel

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
