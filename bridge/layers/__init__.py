"""Channel layers: how parts of a program that do not know one another send each other messages.

The names and rules are those of the Channels layer specification
(https://channels.readthedocs.io/en/stable/channel_layer_spec.html), plus what needs no event loop:
:func:`~hybrid.bridge.layers.anywhere.publish` and :func:`~hybrid.bridge.layers.anywhere.send`.

The public names below are loaded on first use (PEP 562): who has one layer need not pay for the others.
"""

from typing import TYPE_CHECKING

from hybrid.bridge.imports import lazy_names

if TYPE_CHECKING:
    from hybrid.bridge.layers.anywhere import publish, send
    from hybrid.bridge.layers.base import BaseChannelLayer
    from hybrid.bridge.layers.memory import InMemoryChannelLayer
    from hybrid.bridge.layers.registry import DEFAULT_CHANNEL_LAYER, channel_layers, get_channel_layer
    from hybrid.bridge.layers.specification import ChannelLayer

__all__ = [
    "DEFAULT_CHANNEL_LAYER",
    "BaseChannelLayer",
    "ChannelLayer",
    "InMemoryChannelLayer",
    "channel_layers",
    "get_channel_layer",
    "publish",
    "send",
]

_MODULE_OF = {
    "DEFAULT_CHANNEL_LAYER": "hybrid.bridge.layers.registry",
    "BaseChannelLayer": "hybrid.bridge.layers.base",
    "ChannelLayer": "hybrid.bridge.layers.specification",
    "InMemoryChannelLayer": "hybrid.bridge.layers.memory",
    "channel_layers": "hybrid.bridge.layers.registry",
    "get_channel_layer": "hybrid.bridge.layers.registry",
    "publish": "hybrid.bridge.layers.anywhere",
    "send": "hybrid.bridge.layers.anywhere",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
