"""The groups that a consumer belongs to while its WebSocket lasts."""

from collections.abc import Sequence
from typing import Any

from hybrid.bridge.consumers.base import AsyncConsumer
from hybrid.bridge.errors import InvalidChannelLayerError
from hybrid.bridge.layers import BaseChannelLayer
from hybrid.bridge.types import Receive, Scope, Send


class GroupMember(AsyncConsumer):
    """A consumer that belongs to groups while its WebSocket lasts.

    Attributes:
        groups: groups of the channel layer that each connection belongs to while it lasts.
        has_left_groups: whether it has left them.
    """

    groups: Sequence[str] | None = None
    has_left_groups = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self.groups is None:
            self.groups = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, and leave the groups however it ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if scope["type"] == "websocket":
                await leave_groups(self)


async def join_groups(member: GroupMember) -> None:
    """Add a consumer to its groups.

    Raises:
        InvalidChannelLayerError: it has no channel layer, or one without groups.
    """
    for group in member.groups or ():
        await _layer_with_groups(member).group_add(group, member.channel_name)


async def leave_groups(member: GroupMember) -> None:
    """Take a consumer out of its groups, and of those that it has put on the list since; once.

    Raises:
        InvalidChannelLayerError: it has no channel layer, or one without groups.
    """
    if not member.has_left_groups:
        member.has_left_groups = True
        for group in member.groups or ():
            await _layer_with_groups(member).group_discard(group, member.channel_name)


def _layer_with_groups(member: GroupMember) -> BaseChannelLayer:
    layer: BaseChannelLayer | None = member.channel_layer
    if layer is None or not hasattr(layer, "group_add"):
        raise InvalidChannelLayerError(
            "BACKEND is unconfigured or doesn't support groups:"
            f" the channel layer {member.channel_layer_alias!r}"
        )
    return layer
