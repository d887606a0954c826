"""Closing all WebSockets of a user, from anywhere."""

from typing import Any

from hybrid.bridge.auth.roster import DISCONNECT, group_of
from hybrid.bridge.errors import InvalidChannelLayerError
from hybrid.bridge.layers import DEFAULT_CHANNEL_LAYER, get_channel_layer
from hybrid.bridge.layers.anywhere import publish

#: The longest reason that fits into a close frame, in bytes (RFC 6455 section 5.5).
_LONGEST_REASON = 123


def disconnect_user(
    user_id: str | int, code: int = 4401, reason: str = "", *, layer: str = DEFAULT_CHANNEL_LAYER
) -> None:
    """Close all WebSockets of a user that :class:`~hybrid.bridge.auth.Authentication` has let in.

    For any thread, with or without an event loop, and for any process that shares the channel layer with
    those that serve, as :func:`hybrid.publish`. It reaches a worker as channel layers do: at most once. First
    see to it that the user cannot sign in again.

    Args:
        user_id: of the :class:`~hybrid.bridge.auth.Identity`.
        code: the close code.
        reason: what the client is told, at most 123 bytes of UTF-8.
        layer: the alias of the channel layer that :class:`~hybrid.bridge.auth.Authentication` was given.

    Raises:
        InvalidChannelLayerError: there is no such layer, or it has no groups.
        TimeoutError: somebody else's layer has not sent the message in time; what else it raises comes out.
        ValueError: a close frame cannot have this code or reason.
    """
    check_close_code(code)
    if len(reason.encode()) > _LONGEST_REASON:
        raise ValueError(f"a reason has at most {_LONGEST_REASON} bytes of UTF-8")
    group = group_of(str(user_id))
    publish(group, {"type": DISCONNECT, "group": group, "code": code, "reason": reason}, layer=layer)


async def user_is_online(user_id: str | int, *, layer: str = DEFAULT_CHANNEL_LAYER) -> bool:
    """Return whether a user has a WebSocket that :class:`~hybrid.bridge.auth.Authentication` has let in,
    on any worker. The layer must be one of this package's.

    Raises:
        InvalidChannelLayerError: there is no such layer, or it has no groups.
    """
    count: int = await _layer_of(layer).group_count(group_of(str(user_id)))
    return count > 0


def check_close_code(code: int) -> None:
    """Accept a code that an application may close with (RFC 6455 section 7.4, IANA registry).

    Raises:
        ValueError: it is none.
    """
    if code not in (1000, 1001, 1003, *range(1007, 1015), *range(3000, 5000)):
        raise ValueError(f"{code!r} is no close code: say 1000, or one from 3000 to 4999")


def _layer_of(alias: str) -> Any:
    layer = get_channel_layer(alias)
    if layer is None or not hasattr(layer, "group_send"):
        raise InvalidChannelLayerError(f"the channel layer {alias!r} is not there, or has no groups")
    return layer
