"""Django's ``CHANNEL_LAYERS``; the names of ``channels.layers``.

There is one registry, :data:`hybrid.bridge.layers.channel_layers`. Where Channels is installed, its own looks
things up there too, so that who asks either one gets the same layer, and messages of one reach the other.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, cast

from hybrid.bridge.errors import ConfigError, InvalidChannelLayerError
from hybrid.bridge.layers.backends import make_layer
from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.registry import DEFAULT_CHANNEL_LAYER, channel_layers, get_channel_layer
from hybrid.bridge.layers.specification import ChannelLayer

__all__ = [
    "DEFAULT_CHANNEL_LAYER",
    "BaseChannelLayer",
    "ChannelLayerManager",
    "InMemoryChannelLayer",
    "channel_layers",
    "get_channel_layer",
]

_settings: Final[Any] = import_module("django.conf").settings
_setting_changed: Final[Any] = import_module("django.core.signals").setting_changed

_SETTING: Final = "CHANNEL_LAYERS"
_IN_MEMORY: Final = "channels.layers.InMemoryChannelLayer"


def layers_in_settings() -> Mapping[str, object]:
    """Return what Django's settings say of each alias; nothing while there are no settings yet."""
    if not _settings.configured and not os.environ.get("DJANGO_SETTINGS_MODULE"):
        return {}
    said: Mapping[str, object] = getattr(_settings, _SETTING, None) or {}
    if _THEIRS is None:
        return {alias: _without_channels(each) for alias, each in said.items()}
    return said


def use_settings() -> None:
    """Let the registry ask Django's settings, and Channels the registry, as importing this module does."""
    channel_layers.framework = layers_in_settings
    _share()
    _setting_changed.connect(
        _changed, dispatch_uid="hybrid.adapters.django"
    )  # after Channels: it forgets all


def refuse_apart(workers: int) -> None:
    """Refuse settings whose layers keep several processes apart.

    Raises:
        ConfigError: a layer is in memory, and there are several workers; or one cannot be made.
    """
    kinds = (InMemoryChannelLayer, *([_THEIRS.InMemoryChannelLayer] if _THEIRS is not None else []))
    for alias in layers_in_settings() if workers > 1 else ():
        layer = channel_layers.get(alias)
        if isinstance(layer, kinds):
            raise ConfigError(
                f"{_SETTING}[{alias!r}] of Django's settings is in memory ({type(layer).__module__}."
                f"{type(layer).__qualname__}), and there are {workers} workers: what is sent in one of them "
                'does not reach the others. Say {"BACKEND": "workers"}, which this server carries between '
                'its processes, or Redis ({"BACKEND": "redis://HOST"}, or channels_redis), or serve with '
                "one worker"
            )


class ChannelLayerManager:
    """The channel layers by the names and methods of Channels; all instances look into the one registry."""

    def __repr__(self) -> str:
        return f"<ChannelLayerManager {sorted(self.configs)}>"

    @property
    def configs(self) -> Mapping[str, object]:
        """What the settings say of each alias."""
        return layers_in_settings()

    @property
    def backends(self) -> MutableMapping[str, Any]:
        """The layers that have been made or set, or are made when they are asked for."""
        return _VIEW

    def make_backend(self, name: str) -> ChannelLayer:
        """Make a layer of an alias that nobody else has.

        Raises:
            KeyError: the settings have no such alias.
            InvalidChannelLayerError: it cannot be made.
        """
        return _made(name, self.configs[name])

    def make_test_backend(self, name: str) -> ChannelLayer:
        """Make a layer with the options in ``TEST_CONFIG``.

        Raises:
            KeyError: the settings have no such alias.
            InvalidChannelLayerError: they have no ``TEST_CONFIG`` for it, or it cannot be made.
        """
        said = self.configs[name]
        if not isinstance(said, Mapping) or "TEST_CONFIG" not in said:
            raise InvalidChannelLayerError(f"{_SETTING}[{name!r}] has no TEST_CONFIG")
        return _made(name, {**said, "CONFIG": said["TEST_CONFIG"]})  # pyright: ignore[reportUnknownArgumentType]

    def set(self, key: str, layer: ChannelLayer | None) -> ChannelLayer | None:
        """Let an alias mean a layer from now on; return what it meant before, if that has been made."""
        return channel_layers.set(key, layer)

    def __getitem__(self, key: str) -> Any:
        """Return a layer.

        Raises:
            KeyError: there is none of that name.
        """
        return channel_layers[key]

    def __contains__(self, key: str) -> bool:
        return key in self.configs


class _View(MutableMapping[str, Any]):
    """The registry, as what Channels keeps its layers in."""

    def __getitem__(self, alias: str) -> Any:
        if not channel_layers.is_own(alias):  # of others Channels has its own opinion
            raise KeyError(alias)
        return channel_layers[alias]

    def __setitem__(self, alias: str, layer: Any) -> None:
        channel_layers.set(alias, layer)

    def __delitem__(self, alias: str) -> None:
        raise TypeError("a channel layer is replaced, and not taken away")

    def __contains__(self, alias: object) -> bool:
        return isinstance(alias, str) and channel_layers.is_own(alias)

    def __iter__(self) -> Iterator[str]:
        return iter([alias for alias in channel_layers.known() if channel_layers.is_own(alias)])

    def __len__(self) -> int:
        return len(list(iter(self)))


_VIEW: Final = _View()


def _without_channels(said: object) -> object:
    """Let Channels' layer in memory be ours where Channels is not installed."""
    if isinstance(said, Mapping):
        table = cast("Mapping[str, object]", said)
        return {**table, "BACKEND": "memory"} if table.get("BACKEND") == _IN_MEMORY else table
    return said


def _made(alias: str, said: object) -> ChannelLayer:
    try:
        return make_layer(said)
    except ConfigError as error:
        raise InvalidChannelLayerError(f"{_SETTING}[{alias!r}]: {error}") from error


def _channels() -> Any:
    """Import Channels' module, where that is installed."""
    with contextlib.suppress(ImportError):
        if find_spec("channels") is not None:
            theirs: Any = import_module("channels.layers")
            return theirs if hasattr(theirs, "channel_layers") else None
    return None


def _share() -> None:
    """Let Channels find what is here, and keep what it has made already."""
    if _THEIRS is None or _THEIRS.channel_layers.backends is _VIEW:
        return
    for alias, layer in _THEIRS.channel_layers.backends.items():
        channel_layers.set(alias, layer)
    _THEIRS.channel_layers.backends = _VIEW


def _changed(*, setting: str, **kwargs: Any) -> None:
    """Make layers anew when a test has changed the settings."""
    if setting == _SETTING:
        channel_layers.framework_changed()
        _share()


_THEIRS: Final = _channels()
channel_layers.framework = layers_in_settings
_share()
_setting_changed.connect(
    _changed, dispatch_uid="hybrid.adapters.django"
)  # after Channels, which forgets its own
