"""The groups that a consumer belongs to while its WebSocket lasts."""

from collections.abc import Sequence
from typing import Any, Protocol

from hybrid.bridge.errors import InvalidChannelLayerError
from hybrid.bridge.layers import BaseChannelLayer


class Member(Protocol):
    """What has groups."""

    groups: Sequence[str] | None
    channel_layer: Any
    channel_layer_alias: str
    channel_name: str
    has_left_groups: bool


async def join_groups(member: Member) -> None:
    """Add a consumer to its groups.

    Raises:
        InvalidChannelLayerError: it has no channel layer, or one without groups.
    """
    for group in member.groups or ():
        await _layer_with_groups(member).group_add(group, member.channel_name)


async def leave_groups(member: Member) -> None:
    """Take a consumer out of its groups, and of those that it has put on the list since; once.

    Raises:
        InvalidChannelLayerError: it has no channel layer, or one without groups.
    """
    if not member.has_left_groups:
        member.has_left_groups = True
        for group in member.groups or ():
            await _layer_with_groups(member).group_discard(group, member.channel_name)


def _layer_with_groups(member: Member) -> BaseChannelLayer:
    layer: BaseChannelLayer | None = member.channel_layer
    if layer is None or not hasattr(layer, "group_add"):
        raise InvalidChannelLayerError(
            "BACKEND is unconfigured or doesn't support groups:"
            f" the channel layer {member.channel_layer_alias!r}"
        )
    return layer
