"""Django's part of Channels' names, and Django's users, sessions and settings for the rest of this package.

A module here for each module of Channels, with the same names: a project moves by changing imports from
``channels.`` to ``hybrid.adapters.django.``. Channels need not be installed. ``docs/channels-to-hybrid.md``
says what differs.
"""

from hybrid.bridge.layers.registry import DEFAULT_CHANNEL_LAYER

__all__ = ["DEFAULT_CHANNEL_LAYER"]
