"""The life of a server: load, start up, bind, serve, drain, shut down."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

from hybrid.bridge.errors import HybridError, LifespanError
from hybrid.bridge.gateway import format_routes
from hybrid.server.application import LoadedApplication, load_application
from hybrid.server.config import Config
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.errors import EXIT_FORCED, exit_code
from hybrid.server.http11 import Http11
from hybrid.server.listeners import Listeners
from hybrid.server.loops import loop_factory
from hybrid.server.ops.logs import configure_logging

logger = logging.getLogger("hybrid.server")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds that a cancelled application call may take to clean up.
_CANCEL_SECONDS = 1.0
#: Seconds between two looks at whether the last request has ended, while draining.
_DRAIN_STEP = 0.05


class Server:
    """Serves one configuration: by itself with :meth:`run`, or inside somebody's program with :meth:`serve`.

    Attributes:
        config: the settings.
        started: whether it accepts connections.
        listeners: the sockets and their URLs, once started.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.started = False
        self.listeners: Listeners | None = None
        self._should_exit = False
        self._force_exit = False
        self._loaded: LoadedApplication | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()  # that should_exit or force_exit has changed

    def __repr__(self) -> str:
        state = "stopping" if self.should_exit else "started" if self.started else "not started"
        return f"<Server {state} {self.listeners}>"

    @property
    def should_exit(self) -> bool:
        """Whether to drain and stop. Set it on any thread."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        self._tell()

    @property
    def force_exit(self) -> bool:
        """Whether to cut off what is in flight, once :attr:`should_exit` is set too. Set it on any thread."""
        return self._force_exit

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        self._force_exit = value
        self._tell()

    def run(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Serve until SIGINT or SIGTERM, on an event loop of its own; a second SIGINT cuts off what is in
        flight.

        Raises:
            SystemExit: 1 when it cannot bind, 3 when the application cannot be loaded or started, 130 when it
                was forced to stop; each error is one line on stderr.
        """
        configure_logging(self.config.log_level)
        try:
            self._loaded = load_application(self.config)
            with asyncio.Runner(loop_factory=loop_factory(self.config.loop)) as runner:
                runner.run(self._run(sockets))
        except HybridError as error:
            logger.debug("the server did not start", exc_info=error)
            print(f"hybrid: {error}", file=sys.stderr)
            raise SystemExit(exit_code(error)) from None
        if self.force_exit:
            raise SystemExit(EXIT_FORCED)

    async def serve(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Serve on the running loop until :attr:`should_exit` is set; signals are left to the caller.

        Cancelling it makes it cut off what is in flight and clean up.

        Args:
            sockets: listening sockets to use instead of what the configuration names. They are closed at the
                end.

        Raises:
            LoadError, InterfaceError: the application cannot be loaded.
            LifespanError: it failed to start up.
            BindError: an address cannot be had.
        """
        self._loop = asyncio.get_running_loop()
        if self._loaded is None:
            self._loaded = load_application(self.config)
        loaded = self._loaded
        context = ServerContext(self.config, loaded.application, self._loop)
        try:
            await loaded.lifespan.startup(context.state)
            try:
                await self._listen_and_serve(context, sockets)
            finally:
                await self._shut_down(loaded)
        finally:
            loaded.pool.close(timeout=0)

    async def _run(self, sockets: Sequence[socket.socket] | None) -> None:
        with self._signals_handled():
            await self.serve(sockets)

    async def _listen_and_serve(
        self, context: ServerContext, sockets: Sequence[socket.socket] | None
    ) -> None:
        self.listeners = Listeners(sockets) if sockets is not None else Listeners.bind(self.config)
        try:
            await self.listeners.start(lambda: Http11(Connection(context)))
            self._announce()
            self.started = True
            while not self.should_exit:
                await self._wait_told(context.TICK)
                context.tick()
        except asyncio.CancelledError:
            self.force_exit = True
            raise
        finally:
            self.started = False
            self.listeners.close()
            await self._drain(context)

    def _announce(self) -> None:
        """Say where it listens and what it serves: the first lines anybody looks for."""
        assert self.listeners is not None
        assert self._loaded is not None
        for url in self.listeners.urls:
            print(f"hybrid: listening on {url}", file=sys.stderr)
        if self._loaded.routes:
            print(format_routes(self._loaded.routes), file=sys.stderr, flush=True)

    async def _drain(self, context: ServerContext) -> None:
        """Let what is in flight finish, within the time allowed, and cut off the rest."""
        context.draining = True
        for connection in tuple(context.connections):
            connection.drain()
        deadline = context.loop.time() + self.config.timeout_graceful_shutdown
        while self._in_flight(context) and not self.force_exit and context.loop.time() < deadline:
            await self._wait_told(_DRAIN_STEP)
            if context.loop.time() >= context.now + context.TICK:
                context.tick()
        await self._cut_off(context)

    def _in_flight(self, context: ServerContext) -> bool:
        pool = self._loaded.pool if self._loaded else None
        return bool(context.connections or context.calls or (pool and (pool.busy or pool.queued)))

    async def _cut_off(self, context: ServerContext) -> None:
        if context.connections or context.calls:
            cut = (len(context.connections), len(context.calls))
            logger.warning("cutting off %d connections and %d application calls still running", *cut)
        for connection in tuple(context.connections):
            connection.abort()
        calls = tuple(context.calls)
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls, timeout=_CANCEL_SECONDS)
        await asyncio.sleep(0)  # lets the transports close their sockets

    async def _shut_down(self, loaded: LoadedApplication) -> None:
        try:
            await loaded.lifespan.shutdown()
        except LifespanError as error:
            logger.error("%s", error)

    # Being told to stop.

    def _tell(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told.set)

    async def _wait_told(self, seconds: float) -> None:
        """Wait until somebody sets should_exit or force_exit, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
            self._told.clear()
        except TimeoutError:
            pass

    @contextmanager
    def _signals_handled(self) -> Generator[None]:
        """Let SIGINT and SIGTERM stop the server, while it runs by itself on the main thread."""
        before = {number: signal.signal(number, self._handle_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self.should_exit and number == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
