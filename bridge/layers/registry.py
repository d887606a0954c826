"""Where a program keeps its channel layers, by alias, so that consumers and views find the same ones."""

from typing import Final

from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.memory import InMemoryChannelLayer

#: The alias of the layer that consumers use unless they say otherwise.
DEFAULT_CHANNEL_LAYER: Final = "default"


class ChannelLayers:
    """The channel layers of a process, by alias; any thread.

    There is one from the start, ``"default"``, in memory: it is made when it is first asked for. It reaches
    this process alone; a program of several processes sets another one before it serves.
    """

    def __init__(self) -> None:
        self._layers: dict[str, BaseChannelLayer | None] = {}

    def __repr__(self) -> str:
        return f"<ChannelLayers {self._layers}>"

    def __contains__(self, alias: str) -> bool:
        return self.get(alias) is not None

    def __getitem__(self, alias: str) -> BaseChannelLayer | None:
        """Return a layer, or None where it has been set to that.

        Raises:
            KeyError: there is none of that name.
        """
        if alias not in self._layers and alias == DEFAULT_CHANNEL_LAYER:
            return self._layers.setdefault(alias, InMemoryChannelLayer())
        return self._layers[alias]

    def get(self, alias: str) -> BaseChannelLayer | None:
        """Return a layer, or None where there is none."""
        try:
            return self[alias]
        except KeyError:
            return None

    def set(self, alias: str, layer: BaseChannelLayer | None) -> BaseChannelLayer | None:
        """Let an alias mean a layer from now on, or no layer; return what it meant before."""
        before = self._layers.get(alias)
        self._layers[alias] = layer
        return before


#: Those of this process.
channel_layers: Final = ChannelLayers()


def get_channel_layer(alias: str = DEFAULT_CHANNEL_LAYER) -> BaseChannelLayer | None:
    """Return the channel layer of an alias, or None where there is none."""
    return channel_layers.get(alias)
