"""Sending through a channel layer from wherever one is: a view on a thread, a task, a script, a coroutine."""

from typing import Any

from hybrid.bridge.errors import InvalidChannelLayerError
from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.registry import DEFAULT_CHANNEL_LAYER, get_channel_layer
from hybrid.bridge.layers.specification import ChannelLayer


def publish(group: str, message: dict[str, Any], *, layer: str = DEFAULT_CHANNEL_LAYER) -> None:
    """Send a message to all members of a group, from any thread, with an event loop or without.

    In the process of a server, and with a layer of this package, it waits for nothing: the server's event
    loop sends the message. In a script, or a task of Celery, it returns when the message is on its way. What
    is lost after that counts in the layer's ``losses``.

    With somebody else's layer it waits, for ten seconds at most, until that has sent the message; only on the
    thread of an event loop, which must not wait, it leaves that to a queue.

    Args:
        group: its name.
        message: a dict with a ``type``, of the kinds of values that a channel layer can carry.
        layer: the alias of the channel layer.

    Raises:
        InvalidChannelLayerError: there is no channel layer of that alias, or it has no groups.
        TypeError: the name breaks the rules, or the message is not a dict.
        TimeoutError: somebody else's layer has not sent it in time; what else it raises comes out too.
    """
    found = _required(layer)
    if isinstance(found, BaseChannelLayer):
        found.publish(group, message)
        return
    from hybrid.bridge.layers.foreign import deliver

    deliver(found, "group_send", group, message)


def send(channel: str, message: dict[str, Any], *, layer: str = DEFAULT_CHANNEL_LAYER) -> None:
    """Send a message to the one reader of a channel, as :func:`publish` does it.

    A channel that is full does not raise: its message is lost, and counted.

    Args:
        channel: its name: that of a consumer, or one on which a worker listens.
        message: as for :func:`publish`.
        layer: the alias of the channel layer.

    Raises:
        InvalidChannelLayerError: there is no channel layer of that alias.
        TypeError, TimeoutError: as with :func:`publish`.
    """
    found = _required(layer)
    if isinstance(found, BaseChannelLayer):
        found.post(channel, message)
        return
    from hybrid.bridge.layers.foreign import deliver

    deliver(found, "send", channel, message)


def _required(alias: str) -> ChannelLayer:
    layer = get_channel_layer(alias)
    if layer is None:
        raise InvalidChannelLayerError(f"there is no channel layer {alias!r}: configure one")
    return layer
