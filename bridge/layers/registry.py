"""Where a program keeps its channel layers, by alias, so that consumers and views find the same ones."""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.specification import ChannelLayer
from hybrid.bridge.layers.specs import LayerSpec, parse_layer

logger = logging.getLogger("hybrid.layers")

#: The alias of the layer that consumers use unless they say otherwise.
DEFAULT_CHANNEL_LAYER: Final = "default"
#: Says what the default layer is where nobody else does.
LAYER_VARIABLE: Final = "HYBRID_LAYER"
_IN_MEMORY: Final = LayerSpec("memory")


class ChannelLayers:
    """The channel layers of a process, by alias; any thread.

    What an alias means is said by the program (:meth:`set`, :meth:`configure`, the settings of its
    framework), or else by a server that runs in this process, for as long as it runs; ``"default"``, or else
    by the environment variable ``HYBRID_LAYER``, without which it is a layer in memory, which reaches this
    process alone. A layer is made when it is first asked for. A forked process makes its own.

    Attributes:
        on_made: called with a layer that has just been made or set, on whatever thread that was.
        framework: returns what the settings of the program's framework say, as :meth:`configure` takes it;
            asked whenever an alias is looked for that has not been made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards changes of what follows that take several steps
        self._set: dict[str, ChannelLayer | None] = {}
        self._made: dict[str, ChannelLayer] = {}
        self._configured: dict[str, LayerSpec] = {}
        self._given: dict[str, LayerSpec] = {}
        self._givers: Counter[str] = Counter()
        self.on_made: Callable[[ChannelLayer], object] | None = None
        self.framework: Callable[[], Mapping[str, object]] = dict

    def __repr__(self) -> str:
        return f"<ChannelLayers { ({**self._made, **self._set}) }>"

    def __contains__(self, alias: str) -> bool:
        return self.get(alias) is not None

    def __getitem__(self, alias: str) -> ChannelLayer | None:
        """Return a layer, or None where it has been set to that.

        Raises:
            KeyError: there is none of that name.
            ConfigError: it cannot be made as it is configured.
        """
        if alias in self._set:
            return self._set[alias]
        made = self._made.get(alias)
        return self._make(alias) if made is None else made

    def get(self, alias: str) -> ChannelLayer | None:
        """Return a layer, or None where there is none.

        Raises:
            ConfigError: it cannot be made as it is configured.
        """
        try:
            return self[alias]
        except KeyError:
            return None

    def set(self, alias: str, layer: ChannelLayer | None) -> ChannelLayer | None:
        """Let an alias mean a layer from now on, or no layer; return what it meant before, if that has been
        made.
        """
        with self._lock:
            before = self._set[alias] if alias in self._set else self._made.pop(alias, None)
            self._set[alias] = layer
        if layer is not None:
            self._tell(layer)
        return before

    def configure(self, layers: Mapping[str, object]) -> None:
        """Let aliases mean what is to be made when they are first asked for; other aliases stay.

        Args:
            layers: what each alias means: a text as of ``--layer``, or a table with ``backend`` and options.
                The form of Channels' ``CHANNEL_LAYERS`` works, ``{"BACKEND": …, "CONFIG": {…}}``.

        Raises:
            ConfigError: a value is malformed; nothing has changed then.
        """
        specs = {alias: _parsed(alias, value) for alias, value in layers.items()}
        with self._lock:
            for alias, spec in specs.items():
                self._set.pop(alias, None)
                self._made.pop(alias, None)
                self._configured[alias] = spec

    def is_own(self, alias: str) -> bool:
        """Tell whether the program itself has said what an alias means."""
        return alias in self._set or alias in self._configured or alias in self.framework()

    def framework_changed(self) -> None:
        """Forget what has been made or set: the settings of the framework have changed, as tests do it."""
        with self._lock:
            self._set.clear()
            self._made.clear()

    def made(self) -> list[tuple[str, ChannelLayer]]:
        """Return the layers that there are by now, with their aliases; none is made for it."""
        layers = {**self._made, **self._set}
        return [(alias, layer) for alias, layer in layers.items() if layer is not None]

    def known(self) -> list[str]:
        """Return the aliases that the program has said anything about, and those that have been asked for."""
        aliases: dict[str, object] = {**self.framework(), **self._configured, **self._made, **self._set}
        if os.environ.get(LAYER_VARIABLE):
            aliases[DEFAULT_CHANNEL_LAYER] = None
        return list(aliases)

    # For servers.

    def give(self, specs: Mapping[str, LayerSpec]) -> None:
        """Let aliases mean these layers, where the program says nothing, until they are taken back as often.

        Raises:
            ConfigError: another server in this process has been given another layer.
        """
        with self._lock:
            for alias, spec in specs.items():
                if self._given.get(alias, spec) != spec:
                    raise ConfigError(
                        f"this process has a channel layer {alias!r} already, {self._given[alias]}, "
                        f"while another server runs: it cannot be {spec} too"
                    )
            self._forget_fallback(alias for alias in specs if alias not in self._given)
            self._given.update(specs)
            self._givers.update(tuple(specs))

    def take_back(self, specs: Mapping[str, LayerSpec]) -> None:
        """End that; a layer that was made of it is forgotten by the last one."""
        with self._lock:
            self._givers.subtract(tuple(specs))
            for alias in specs:
                if not self._givers[alias]:
                    del self._givers[alias], self._given[alias]
                    if alias not in self._configured and alias not in self.framework():
                        self._made.pop(alias, None)

    def forget_made(self) -> None:
        """Make each layer anew when it is next asked for: in a forked process, which has no part in those of
        its parent.
        """
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._made.clear()

    def _forget_fallback(self, aliases: Iterable[str]) -> None:
        """Let go of what was made while nobody had said anything."""
        for alias in aliases:
            if alias in self._made and not self.is_own(alias):
                made = type(self._made.pop(alias)).__name__
                logger.warning(
                    "the channel layer %r has been asked for before it was configured: whoever keeps that %s "
                    "reaches nobody with it",
                    *(alias, made),
                )

    def _make(self, alias: str) -> ChannelLayer:
        from hybrid.bridge.layers.backends import make_layer

        # Without the lock, since this imports modules: somebody who imports one may be waiting for the lock.
        made = make_layer(self._spec_of(alias))
        kept = self._made.setdefault(alias, made)
        if kept is made:
            self._tell(made)
        return kept

    def _spec_of(self, alias: str) -> LayerSpec:
        if alias in self._configured:
            return self._configured[alias]
        said = self.framework()
        if alias in said:
            return _parsed(alias, said[alias])
        if alias in self._given:
            return self._given[alias]
        if alias != DEFAULT_CHANNEL_LAYER:
            raise KeyError(alias)
        text = os.environ.get(LAYER_VARIABLE)
        if not text:
            return _IN_MEMORY
        try:
            return parse_layer(text)
        except ConfigError as error:
            raise ConfigError(f"{LAYER_VARIABLE}: {error}") from None

    def _tell(self, layer: ChannelLayer) -> None:
        on_made = self.on_made
        if on_made is not None:
            on_made(layer)


def _parsed(alias: str, value: object) -> LayerSpec:
    try:
        return parse_layer(value)
    except ConfigError as error:
        raise ConfigError(f"the channel layer {alias!r}: {error}") from None


#: Those of this process.
channel_layers: Final = ChannelLayers()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=channel_layers.forget_made)


def get_channel_layer(alias: str = DEFAULT_CHANNEL_LAYER) -> ChannelLayer | None:
    """Return the channel layer of an alias, or None where there is none.

    Raises:
        ConfigError: it cannot be made as it is configured.
    """
    return channel_layers.get(alias)
