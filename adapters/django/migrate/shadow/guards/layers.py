"""Channel layers that send nothing."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from hybrid.adapters.django.fitted import fit_in
from hybrid.adapters.django.migrate.shadow.guards import replaced
from hybrid.adapters.django.migrate.shadow.runs import current
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.registry import ChannelLayers


class NotedLayer(InMemoryChannelLayer):
    """A layer that notes what is sent. Channels and groups it has, and no message ever comes.

    Args:
        alias: of the layer whose place it takes.
    """

    def __init__(self, alias: str) -> None:
        super().__init__()
        self.alias = alias

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Note a message for a channel."""
        _note(f"message on the layer {self.alias!r} to channel {channel}", message)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Note a message for a group."""
        _note(f"message on the layer {self.alias!r} to group {group}", message)


@contextmanager
def guard() -> Generator[None]:
    """Let whoever asks for a layer, of this package or of Channels, find one that sends nothing."""
    fit_in()
    noted: dict[str, NotedLayer] = {}
    look_up: Any = ChannelLayers.__getitem__

    def find(self: ChannelLayers, alias: str) -> Any:
        if look_up(self, alias) is None:
            return None
        return noted.setdefault(alias, NotedLayer(alias))

    with replaced(ChannelLayers, __getitem__=find):
        yield


def _note(where: str, message: dict[str, Any]) -> None:
    run = current()
    if run is not None:
        run.add("sent", f"{where}: {message!r}")
