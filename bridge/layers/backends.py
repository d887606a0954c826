"""Making a channel layer of what says which one there is to be."""

import importlib
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.options import checked_options, loosely_read, options_of, takes_any
from hybrid.bridge.layers.specification import ChannelLayer
from hybrid.bridge.layers.specs import REDIS_SCHEMES, LayerSpec, masked, parse_layer

_METHODS: Final = ("new_channel", "send", "receive")


def make_layer(backend: object, options: Mapping[str, Any] | None = None) -> ChannelLayer:
    """Make a channel layer; nothing is connected yet.

    Args:
        backend: which one, see :func:`~hybrid.bridge.layers.specs.parse_layer`.
        options: of the layer, by name, beside those that the backend says in its query.

    Raises:
        ConfigError: a module cannot be imported, an option is unknown or has a value that cannot be.
    """
    spec = parse_layer(backend)
    if options:
        spec = LayerSpec(spec.backend, {**spec.options, **options}, spec.query)
    try:
        if spec.scheme == "memory":
            return _make_memory(spec)
        if spec.scheme == "workers":
            return _make_workers(spec)
        return _make_redis(spec) if spec.scheme in REDIS_SCHEMES else _make_other(spec)
    except ConfigError as error:
        raise ConfigError(f"the channel layer {masked(spec.backend)}: {error}") from error.__cause__


def _make_memory(spec: LayerSpec) -> ChannelLayer:
    from hybrid.bridge.layers.memory import InMemoryChannelLayer

    known = options_of(InMemoryChannelLayer)
    return InMemoryChannelLayer(**checked_options(known, spec.options, spec.query))


def _make_workers(spec: LayerSpec) -> ChannelLayer:
    layer = _imported("hybrid.bridge.layers.workers", "WorkersChannelLayer")
    options = checked_options(options_of(layer, skip=1), spec.options, spec.query)
    path = spec.backend.removeprefix("workers").removeprefix("://")
    return cast("ChannelLayer", layer(path or None, **options))


def _make_redis(spec: LayerSpec) -> ChannelLayer:
    try:
        layer = _imported("hybrid.bridge.layers.redis", "RedisChannelLayer")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise ConfigError("the package redis is missing: pip install 'hybrid-gateway[redis]'") from error
    known = options_of(layer, skip=1)
    mine = {name: text for name, text in spec.query.items() if name in known}
    rest = {name: text for name, text in spec.query.items() if name not in known}  # of the client: it knows
    url = spec.backend + (f"?{urlencode(rest)}" if rest else "")
    return cast("ChannelLayer", layer(url, **checked_options(known, spec.options, mine)))


def _make_other(spec: LayerSpec) -> ChannelLayer:
    """Make a layer of somebody else's class, whose options are whatever it takes."""
    module, _, name = spec.backend.replace(":", ".").rpartition(".")
    try:
        layer = _imported(module, name)
    except ImportError as error:
        raise ConfigError(f"cannot import {module}: {error}") from error
    except AttributeError:
        raise ConfigError(f"the module {module} has no {name}") from None
    options = {**spec.options, **{key: loosely_read(text) for key, text in spec.query.items()}}
    if isinstance(layer, type) and not takes_any(layer):
        known = dict.fromkeys(options_of(layer), Any)
        options = checked_options(known, options, {})
    try:
        made = layer(**options)
    except Exception as error:
        raise ConfigError(f"it cannot be made: {type(error).__name__}: {masked(str(error))}") from error
    kind = cast("type[object]", type(made))
    if not all(hasattr(kind, each) for each in _METHODS) and not hasattr(kind, "__getattr__"):
        raise ConfigError("it is no channel layer: it has no send(), receive() and new_channel()")
    return cast("ChannelLayer", made)


def _imported(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)
