"""Serves the console: the server's own code once more, on the same loop, at an address of its own."""

import asyncio
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.console.access import Access, reach_of
from hybrid.server.console.application import Console
from hybrid.server.context import ServerContext
from hybrid.server.listening.accepting import Entrance
from hybrid.server.listening.listeners import Listeners
from hybrid.server.loops import cancel_tasks
from hybrid.server.protocols import protocol_factory
from hybrid.server.status.commands import Status

logger = logging.getLogger("hybrid.server")

#: Connections at a time; those of balancers, a collector of metrics, and some pages.
_CONNECTIONS: Final = 256
#: Seconds that requests may take at the end, and WebSockets to be closed.
_END_SECONDS: Final = 0.5
_LOOKS: Final = 50


def access_of(config: Config, listeners: Listeners) -> Access:
    """Decide who is told what, by who can reach the sockets."""
    return Access(reach_of(listeners.sockets), config.ops_token)


def lines_about(access: Access, urls: Sequence[str]) -> list[str]:
    """Say what is told where, for the first lines that anybody reads."""
    told = "operations page"
    if access.is_health_alone:
        told = "health alone, as others can reach it and there is no ops_token,"
    return [f"{told} at {url}" for url in urls]


def require_what_is_told(config: Config, listeners: Listeners) -> None:
    """Find out at the start whether metrics can be told, where they would be.

    Raises:
        ConfigError: they would be, and prometheus-client is not installed.
    """
    if not access_of(config, listeners).is_health_alone and find_spec("prometheus_client") is None:
        raise ConfigError("ops: metrics need prometheus-client: pip install 'hybrid-gateway[metrics]'")


class ConsoleServer:
    """The console while a server serves. Loop thread only.

    It has connections, limits and a tick of its own: what is full, late or draining beside it says nothing
    about it. It is the last to close.

    Args:
        config: of the server.
        listeners: where the console is.
        status: says how the server is.

    Raises:
        ConfigError: metrics would be told, and prometheus-client is not installed.
    """

    def __init__(self, config: Config, listeners: Listeners, status: Status) -> None:
        loop = asyncio.get_running_loop()
        self.access = access_of(config, listeners)
        require_what_is_told(config, listeners)
        if config.workers > 1 and not config.controlled:
            logger.warning("control = none: each worker process tells metrics of its own alone")
        application = Console(self.access, status)
        self._context = ServerContext(_own_config(application), application, loop)
        self._listeners = listeners
        self._entrance = Entrance(loop, _CONNECTIONS, lambda: len(self._context.connections))
        self._context.on_connection_closed = self._entrance.connection_closed
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<ConsoleServer {self._listeners}>"

    @property
    def urls(self) -> list[str]:
        """Where it can be reached."""
        return self._listeners.urls

    @property
    def lines(self) -> list[str]:
        """What to say about that at the start."""
        return lines_about(self.access, self.urls)

    async def open(self) -> None:
        """Answer.

        Raises:
            BindError: a socket cannot be listened on.
        """
        factory = protocol_factory(self._context, None, lambda: None)
        await self._listeners.start(factory, self._entrance)
        self._tick()

    async def close(self) -> None:
        """Answer no more; who waits for something is given a moment."""
        context = self._context
        self._listeners.close(last=True)
        context.draining = True
        context.shutdown.give()
        for each in context.connections.copy():
            each.drain()
        for _ in range(_LOOKS):
            if not context.connections:
                break
            await asyncio.sleep(_END_SECONDS / _LOOKS)
        for each in context.connections.copy():
            each.abort()
        await cancel_tasks(context.calls, _END_SECONDS)
        await cancel_tasks(self._listeners.starting, _END_SECONDS)
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._context.tick()
        self._timer = self._context.loop.call_later(self._context.TICK, self._tick)


def _own_config(application: Console) -> Config:
    """Return the settings of the console's connections: the usual ones, and nothing that counts or logs."""
    return Config(app=application, access_log=False, metrics=False, http="1", forwarded_allow_ips="")
