"""What arrives at a process from a hub, and goes to the channels that are its own."""

import asyncio
import logging
import time
from typing import Any, cast

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers.codec import decode
from hybrid.bridge.layers.errands import Errands
from hybrid.bridge.layers.hub import Delivery
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.presence import Member
from hybrid.bridge.layers.roster import Roster

logger = logging.getLogger("hybrid.layers")


class Arrivals:
    """Decodes each message once, and lets the layer in memory do the rest. All on the layer's loop.

    Args:
        local: the channels and groups of this process.
        errands: what other processes ask for.
        roster: who belongs to what here.
        per_turn: messages that arrive before those who read have a turn.
    """

    def __init__(self, local: InMemoryChannelLayer, errands: Errands, roster: Roster, per_turn: int) -> None:
        self._local = local
        self._errands = errands
        self._roster = roster
        self._per_turn = per_turn
        self._in_turn = 0

    def __repr__(self) -> str:
        return f"<Arrivals: {self._in_turn} of {self._per_turn} in this turn>"

    async def deliver(self, delivery: Delivery) -> None:
        """Let whom it is for have a message."""
        if delivery.channel is not None:
            await self._deliver_to_channel(delivery.channel, delivery)
        elif delivery.group is not None:
            await self._deliver_to_group(delivery.group, delivery)
        self._in_turn += 1
        if self._in_turn >= self._per_turn:
            self._in_turn = 0
            await asyncio.sleep(0)  # so that a burst does not overflow channels that are read promptly

    async def tell(self, group: str, joined: bool, member: Member) -> None:
        """Tell those who watch a group that somebody has joined or left."""
        for watcher in self._roster.watchers(group, time.monotonic()):
            await self._put(watcher, _event(group, joined, member))

    async def _deliver_to_group(self, group: str, delivery: Delivery) -> None:
        if delivery.sequence and self._roster.count(group):
            self._roster.seen[group] = delivery.sequence
        message = message_of(delivery)
        if message is not None:
            await self._local.group_send(group, message)

    async def _deliver_to_channel(self, channel: str, delivery: Delivery) -> None:
        if self._errands.are_in(delivery.body):
            self._errands.receive(channel, delivery.body)
        elif (message := message_of(delivery)) is not None:
            await self._put(channel, message)

    async def _put(self, channel: str, message: dict[str, Any]) -> None:
        """Let a channel have a message whose sender does not hear whether there was room."""
        try:
            await self._local.send(channel, message)
        except ChannelFull:
            self._local.losses.count("full", example=f"channel {channel}")


def message_of(delivery: Delivery) -> dict[str, Any] | None:
    """Return what was sent; None for what is no message of ours."""
    try:
        value = decode(delivery.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        logger.warning("%s: something that is no message was dropped", delivery.group or delivery.channel)
        return None
    message = cast("dict[str, Any]", value)
    if delivery.sequence:
        message["sequence"] = delivery.sequence
    return message


def _event(group: str, joined: bool, member: Member) -> dict[str, Any]:
    return {
        "type": "group.join" if joined else "group.leave",
        "group": group,
        "channel": member.channel,
        "metadata": member.metadata,
    }
