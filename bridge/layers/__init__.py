"""Channel layers: how parts of a program that do not know one another send each other messages.

The names and rules are those of the Channels layer specification
(https://channels.readthedocs.io/en/stable/channel_layer_spec.html), plus
:meth:`~hybrid.bridge.layers.base.BaseChannelLayer.publish`, which needs no event loop.
"""

from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.registry import DEFAULT_CHANNEL_LAYER, channel_layers, get_channel_layer

__all__ = [
    "DEFAULT_CHANNEL_LAYER",
    "BaseChannelLayer",
    "InMemoryChannelLayer",
    "channel_layers",
    "get_channel_layer",
]
