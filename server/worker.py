"""``hybrid worker``: background work for the messages that are sent to channels by name."""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import cast

from hybrid.bridge.errors import ConfigError, InterfaceError
from hybrid.bridge.interface import Interface, detect
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.registry import get_channel_layer
from hybrid.bridge.layers.worker import Worker
from hybrid.bridge.types import ASGIApp, Resolver, Scope
from hybrid.server.application import load_configured
from hybrid.server.config import Config
from hybrid.server.frameworks import fit_in
from hybrid.server.layers import ServerLayers
from hybrid.server.loops import loop_factory, run_loop
from hybrid.server.ops.logs import configure_logging
from hybrid.server.signals import signals_handled

logger = logging.getLogger("hybrid.worker")

#: Seconds that channel layers may take to close.
_CLOSE_SECONDS = 5.0


def run_worker(config: Config, channels: Sequence[str], alias: str) -> None:
    """Work until SIGINT or SIGTERM.

    Args:
        config: names one application, and the channel layers.
        channels: the names of the channels.
        alias: of the layer that they are in.

    Raises:
        HybridError: the application cannot be loaded, or the layer is none that others reach.
    """
    configure_logging(config.log_plan())
    factory = loop_factory(config.loop)
    layers = ServerLayers(config)
    layers.give()
    try:
        application = _load(config, channels)
        run_loop(factory, _work(config, layers, application, channels, alias))
    finally:
        layers.discard()


def _load(config: Config, channels: Sequence[str]) -> ASGIApp:
    """Load the application, and see that it has something for each channel.

    Raises:
        LoadError: it cannot be loaded.
        InterfaceError: it is no ASGI application, or has nothing for a channel.
        ConfigError: what it has set up cannot work with the configuration.
    """
    (target,) = load_configured(config)
    fit_in(config)
    if (target.interface or detect(target.application)) is not Interface.ASGI3:
        raise InterfaceError(f"{target.name}: a worker needs an ASGI application")
    application = cast("ASGIApp", target.application)
    for channel in channels:
        step: ASGIApp = application
        scope: Scope = {"type": "channel", "channel": channel}
        try:
            while isinstance(step, Resolver):
                step, scope = step.resolve(scope)
        except ValueError as error:
            raise InterfaceError(f"{target.name}: {error}") from None
    return application


async def _work(
    config: Config, layers: ServerLayers, application: ASGIApp, channels: Sequence[str], alias: str
) -> None:
    try:
        layer = get_channel_layer(alias)
        if isinstance(layer, InMemoryChannelLayer):
            raise ConfigError(f"layer: {alias!r} is in memory, where no other process reaches a worker")
        worker = Worker(application, channels, layer)
        await layers.open()
        loop = asyncio.get_running_loop()

        def stop(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(worker.stop)

        with signals_handled(dict.fromkeys((signal.SIGINT, signal.SIGTERM), stop)):
            sys.stderr.write(f"hybrid: working for the channels {' '.join(worker.channels)}\n")
            await worker.arun(config.timeout_graceful_shutdown)
            logger.info("the worker stops")
    finally:
        await layers.close(_CLOSE_SECONDS)
