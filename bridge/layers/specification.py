"""What a channel layer is, whoever has written it: the interface of the Channels layer specification.

https://channels.readthedocs.io/en/stable/channel_layer_spec.html
"""

from typing import Any, Protocol


class ChannelLayer(Protocol):
    """What consumers need of a channel layer.

    Any class with these methods can be plugged in; it need know nothing of this package. The layers of this
    package can do more, such as :meth:`~hybrid.bridge.layers.base.BaseChannelLayer.group_members`: a type
    checker knows of that after ``isinstance(layer, BaseChannelLayer)``, and only a layer that has passed this
    can be asked for it.
    """

    async def new_channel(self, prefix: str = ..., /) -> str:
        """Return a name that no other channel has, for a reader in this process."""
        ...

    async def send(self, channel: str, message: dict[str, Any], /) -> None:
        """Queue a message for the one reader of a channel."""
        ...

    async def receive(self, channel: str, /) -> dict[str, Any]:
        """Wait for the next message of a channel and return it."""
        ...

    async def group_add(self, group: str, channel: str, /) -> None:
        """Let a channel receive what is sent to a group (the extension "groups", as the next two)."""
        ...

    async def group_discard(self, group: str, channel: str, /) -> None:
        """End a channel's membership of a group."""
        ...

    async def group_send(self, group: str, message: dict[str, Any], /) -> None:
        """Queue a message for every member of a group."""
        ...

    async def flush(self) -> None:
        """Forget every message and every group (the extension "flush")."""
        ...
