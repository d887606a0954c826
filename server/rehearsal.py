"""Doing what a server does at its start, to see whether it would: `hybrid check`."""

from contextlib import closing

from hybrid.bridge.gateway import format_routes
from hybrid.server.application import load_application
from hybrid.server.config import Config
from hybrid.server.config.addresses import TCPAddress
from hybrid.server.hazards import hazards
from hybrid.server.layers import ServerLayers
from hybrid.server.listening.listeners import Listeners
from hybrid.server.loops import loop_factory, run_loop
from hybrid.server.ops.control.places import prepare_control
from hybrid.server.ops.logs import configure_logging
from hybrid.server.pidfile import pid_file
from hybrid.server.reload import Watch
from hybrid.server.tls import Certificates

#: Seconds that channel layers may take to close.
_CLOSE_SECONDS = 5.0


class Rehearsal:
    """A start of a server that serves nothing: everything is loaded when it is made.

    Raises:
        HybridError: what :meth:`~hybrid.server.server.Server.run` would say.

    Attributes:
        routes: the route table as text; empty for a router that was built by hand.
        warnings: what is dangerous about the configuration, each one line.
    """

    def __init__(self, config: Config) -> None:
        configure_logging(config.log_plan())
        self._config = config
        self._loop_factory = loop_factory(config.loop)
        self._layers = ServerLayers(config)
        self._layers.give()
        self._loaded = load_application(config)
        self._layers.make()
        if config.uses_tls:
            Certificates(config)
        if config.reload:
            Watch(config)
        if config.control_folder is not None:
            prepare_control(config.control_folder)
        self.routes = format_routes(self._loaded.routes) if self._loaded.routes else ""
        self.warnings = list(hazards(config, self._loaded.routes))

    @property
    def shares_port(self) -> bool:
        """Whether to listen would take connections from a server that runs already, and close them
        (``reuse_port``).
        """
        addresses = self._config.addresses or [self._config.default_address]
        return self._config.reuse_port and any(isinstance(each, TCPAddress) for each in addresses)

    def start(self, *, listen: bool, startup: bool) -> None:
        """Run what can fail later than loading, as it is asked for, and undo it. Where it :attr:`shares_port`
        nothing is listened on.

        Raises:
            LifespanError: an application failed to start up, or to shut down.
            BindError: an address cannot be had.
        """
        try:
            if startup:
                run_loop(self._loop_factory, self._start_up())
            if listen and not self.shares_port:
                with pid_file(self._config.pidfile), closing(Listeners.bind(self._config)):
                    Listeners.bind_ops(self._config).close()
        finally:
            self._layers.discard()
            for pool in self._loaded.pools.values():
                pool.close(timeout=1)

    async def _start_up(self) -> None:
        await self._layers.open()
        try:
            await self._loaded.lifespan.startup({})
            await self._loaded.lifespan.shutdown()
        finally:
            await self._layers.close(_CLOSE_SECONDS)
