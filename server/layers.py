"""The channel layers of a server: what it was told of them, and their life.

Nothing about channel layers is loaded before there are some: most servers have none.
"""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config

if TYPE_CHECKING:
    from hybrid.bridge.layers.life import LayersInUse
    from hybrid.bridge.layers.specs import LayerSpec

#: Loaded as soon as anybody asks for a channel layer.
_REGISTRY = "hybrid.bridge.layers.registry"
_VARIABLE = "HYBRID_LAYER"


class ServerLayers:
    """The part of a server in the channel layers of its process, from before its applications are imported
    to after their end.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._use: LayersInUse | None = None
        self._is_open = False

    def __repr__(self) -> str:
        return f"<ServerLayers {self._use}>"

    def give(self) -> None:
        """Let the applications find the layers that the server was told of.

        Raises:
            ConfigError: another server in this process was told of others.
        """
        if self._use is None and _are_told(self._config):
            self._use = _use(self._config)

    def make(self) -> None:
        """Make the layers, which imports what they need and connects nothing.

        Raises:
            ConfigError: a layer cannot be made.
        """
        if self._use is not None:
            self._use.make()

    async def open(self) -> None:
        """Have the layers at work that are configured or that somebody has used, if there are any by now.

        Raises:
            ConfigError: a layer cannot be made or opened.
        """
        if self._is_open or (self._use is None and _REGISTRY not in sys.modules):
            return
        self._is_open = True
        self._use = self._use or _use(self._config)
        await self._use.open()

    async def close(self, seconds: float) -> None:
        """Close what no other server in this process uses, and say what was lost."""
        with suppress(ConfigError):  # which whoever has asked for that layer knows
            await self.open()  # what was first used while the server ran
        if self._use is not None:
            await self._use.close(seconds)

    def discard(self) -> None:
        """Undo :meth:`give`, where nothing will be opened."""
        if self._use is not None:
            self._use.discard()
            self._use = None


def specs_of(config: Config) -> "dict[str, LayerSpec]":
    """Return what a configuration says of each alias, the default for several processes included."""
    from hybrid.bridge.layers.specs import parse_layer

    said = {**(config.layers or {})}
    if config.layer is not None:
        said["default"] = config.layer
    elif config.workers > 1 and not os.environ.get(_VARIABLE):
        said.setdefault("default", "workers")
    return {alias: parse_layer(each) for alias, each in said.items()}


def keeps_workers_apart(config: Config) -> bool:
    """Tell whether there are several processes, and somebody wants a layer that reaches one of them."""
    return config.workers > 1 and any(spec.scheme == "memory" for spec in specs_of(config).values())


APART = (
    "the channel layer is in memory, and there are several workers: what is sent in one of them does not "
    "reach the others. Leave --layer out, or say workers or redis://HOST"
)


def _are_told(config: Config) -> bool:
    return config.layer is not None or bool(config.layers) or config.workers > 1 or _VARIABLE in os.environ


def _use(config: Config) -> "LayersInUse":
    from hybrid.bridge.layers.life import LayersInUse

    return LayersInUse(specs_of(config), eager=config.layer is not None or bool(config.layers))
