"""Channel layers: how parts of a program that do not know one another send each other messages.

The names and rules are those of the Channels layer specification
(https://channels.readthedocs.io/en/stable/channel_layer_spec.html), plus
:meth:`~hybrid.bridge.layers.base.BaseChannelLayer.publish`, which needs no event loop.
"""

from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.memory import InMemoryChannelLayer

__all__ = ["BaseChannelLayer", "InMemoryChannelLayer"]
