"""The life of a server: load, start up, bind, serve, drain, shut down."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from math import inf
from types import FrameType
from typing import TYPE_CHECKING, Any

from hybrid.bridge.errors import HybridError, LifespanError
from hybrid.bridge.gateway import Target, format_routes
from hybrid.bridge.lifespan import Lifespan
from hybrid.bridge.shutdown import CURRENT, KEY, ShutdownNotice
from hybrid.bridge.types import ASGIApp
from hybrid.bridge.wsgi.turns import TURNS
from hybrid.server.application import LoadedApplication, load_application
from hybrid.server.config import Config
from hybrid.server.context import ServerContext
from hybrid.server.drain import Drain
from hybrid.server.errors import EXIT_FORCED, ExitReason, exit_code
from hybrid.server.layers import ServerLayers
from hybrid.server.listening.accepting import Entrance
from hybrid.server.listening.listeners import Listeners
from hybrid.server.loops import cancel_tasks, complete, loop_factory, run_loop
from hybrid.server.operations import Operations
from hybrid.server.ops.handlers import batch_logs, flush_logs, reopen_log_files
from hybrid.server.ops.logs import configure_logging
from hybrid.server.pidfile import pid_file
from hybrid.server.protocols import load_rest, protocol_factory
from hybrid.server.pulse import start_pulse
from hybrid.server.signals import Handler, signals_handled
from hybrid.server.systemd import Notifier, PassedSocket, take_passed_sockets

if TYPE_CHECKING:
    from hybrid.server.ops.metrics.snapshot import Workers
    from hybrid.server.tls import Certificates

logger = logging.getLogger("hybrid.server")

#: Seconds that a cancelled application may take to clean up; its lifespan waits for that, and so has twice as
#: many.
_CANCEL_SECONDS = 1.0
#: Seconds that lifespan shutdown may take at least, however little the requests are given, and then the
#: closing of channel layers at most.
_SHUTDOWN_SECONDS = 5.0
#: Seconds after the start in which WebSockets and HTTP/2 are loaded, if nobody has asked for them, and the
#: control socket of a server without lanes is opened: neither the start need wait for them, nor a handshake.
_SETTLED_SECONDS = 1.0


class Server:
    """Serves one configuration: by itself with :meth:`run`, or inside somebody's program with :meth:`serve`.

    An object is good for one life: whoever wants to serve again makes another one.

    Attributes:
        config: the settings.
        started: whether it accepts connections.
        listeners: the sockets and their URLs, once started.
        limits_hit: how often each limit on WebSockets was hit, by the name of its setting.
        exit_reason: why it stops, once it does.
        on_started: called on the loop once it accepts connections, instead of saying so in the log.
        on_stopping: called on the loop once it begins to stop, whoever has told it to.
        workers: says what is known of worker processes, where this is one of them.
        ops_sockets: what ``ops`` names, where somebody has opened it already, for several processes.
        main_process: the id of the process by which those who operate this server know it; None for one
            inside somebody's program, which has a control socket only where :attr:`config` says so.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.started = False
        self.listeners: Listeners | None = None
        self.limits_hit: Counter[str] = Counter()
        self.exit_reason: ExitReason | None = None
        self.on_started: Callable[[], object] | None = None
        self.on_stopping: Callable[[], object] | None = None
        self.workers: Callable[[], Workers | None] = lambda: None
        self.ops_sockets: Sequence[socket.socket] | None = None
        self.main_process: int | None = None
        self._should_exit = False
        self._force_exit = False
        self._served = False
        self._by_itself = False  # in run(), which may speak to the terminal
        self._passed: list[PassedSocket] = []  # by systemd
        self._notifier = Notifier({})  # that speaks to systemd in run() only: it asks the process, not a part
        self._layers = ServerLayers(config)
        self._loaded: LoadedApplication | None = None
        self._certificates: Certificates | None = None
        self._operations: Operations | None = None
        self._pulse: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_started = asyncio.Event()
        self._told = asyncio.Event()  # that should_exit or force_exit has changed

    def __repr__(self) -> str:
        state = "stopping" if self.should_exit else "started" if self.started else "not started"
        return f"<Server {state} {self.listeners}>"

    @property
    def urls(self) -> list[str]:
        """Where it listens: ``http://127.0.0.1:8000``, ``unix:/run/app.sock``; nothing before it does."""
        return [] if self.listeners is None else self.listeners.urls

    @property
    def ops_urls(self) -> list[str]:
        """Where it tells how it is (``ops``); nothing where it does not, or not yet."""
        return [] if self._operations is None else self._operations.urls

    async def wait_started(self) -> None:
        """Wait until it accepts connections. On its own loop; whoever waits watches :meth:`serve` too."""
        await self._has_started.wait()

    @property
    def ready(self) -> bool:
        """Whether load balancers should send requests: once it listens, until it is told to stop. Any
        thread.
        """
        return self.started and not self._should_exit

    @property
    def should_exit(self) -> bool:
        """Whether to drain and stop. Set it on any thread."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self.exit_reason is None:
            self.exit_reason = ExitReason.TOLD
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

        On another thread than the main one it handles no signals: :attr:`should_exit` stops it.

        Raises:
            KeyboardInterrupt: on SIGINT while the application is imported; later SIGINT asks it to stop.
            SystemExit: 1 when it cannot bind, 2 when the event loop is not installed or a certificate cannot
                be used, 3 when the application cannot be loaded or started, 130 when it was forced to stop;
                each error is one line on stderr.
        """
        self._by_itself = True
        self.main_process = self.main_process or os.getpid()
        try:
            configure_logging(self.config.log_plan())
            self._notifier = Notifier(os.environ)
            if sockets is None:
                self._passed = take_passed_sockets()
            factory = loop_factory(self.config.loop)
            self.load()
            with self._signals_handled(), pid_file(self.config.pidfile), TURNS.managed():
                run_loop(factory, self.serve(sockets))
        except HybridError as error:
            logger.debug("the server did not start", exc_info=error)
            print(f"hybrid: {error}", file=sys.stderr)
            raise SystemExit(exit_code(error)) from None
        finally:
            self._notifier.close()
        if self.force_exit:
            raise SystemExit(EXIT_FORCED)

    def load(
        self, mounts: Sequence[Target] | None = None, around: Callable[[ASGIApp], ASGIApp] | None = None
    ) -> LoadedApplication:
        """Import and wrap the applications, unless that has been done. While they are imported they may run a
        loop of their own: best before there is one here.

        Args:
            mounts: applications to serve instead of those that the configuration names, as they are.
            around: wraps what comes of all of them.

        Raises:
            LoadError, InterfaceError: an application cannot be loaded.
            ConfigError: another server in this process has been told of other channel layers, or what an
                application has set up cannot work with the configuration.
        """
        if self._loaded is None:
            self._layers.give()
            try:
                loaded = load_application(self.config, mounts or None)
            except BaseException:
                self._layers.discard()
                raise
            self._loaded = (
                loaded if around is None else loaded._replace(application=around(loaded.application))
            )
        return self._loaded

    async def serve(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Serve on the running loop until :attr:`should_exit` is set; signals are left to the caller.

        Where it listens goes to the log. Cancelling it makes it cut off what is in flight and clean up.

        Args:
            sockets: listening sockets to use instead of what the configuration names. They are closed at the
                end, once it has listened on them.

        Raises:
            LoadError, InterfaceError: the application cannot be loaded.
            ConfigError: a certificate or a channel layer cannot be used.
            LifespanError: it failed to start up.
            BindError: an address cannot be had.
            RuntimeError: it has served already.
        """
        if self._served:
            raise RuntimeError("this server has served already: make another one")
        self._served = True
        self._loop = asyncio.get_running_loop()
        loaded = self.load()
        if self.config.uses_tls:
            from hybrid.server.tls import Certificates

            self._certificates = Certificates(self.config)
        self._operations = operations = Operations(self, loaded, self._passed)
        state: dict[str, Any] = {}
        notice = ShutdownNotice()
        current = CURRENT.set(notice)
        batch_logs(self._loop)
        try:
            startup = self._start_up(loaded.lifespan, state, notice)
            if not await complete(startup, lambda: self.should_exit, 2 * _CANCEL_SECONDS):
                logger.warning("told to stop before the application had started")
                return
            # Only now: the lifespan may have changed the routes.
            context = ServerContext(self.config, loaded.application, self._loop, notice)
            context.state, context.limits_hit = state, self.limits_hit
            context.outbox.lulls = [pool.lull for pool in loaded.pools.values()]
            drain = Drain(context, loaded, self._stop_listening, self._wait_told, lambda: self.force_exit)
            try:
                await self._listen_and_serve(context, operations, drain, sockets)
            finally:
                await self._shut_down(self._loop, loaded.lifespan, drain.left)
        finally:
            await self._layers.close(_CANCEL_SECONDS if self.force_exit else _SHUTDOWN_SECONDS)
            await operations.close()
            batch_logs(None)
            CURRENT.reset(current)
            if self._pulse is not None:
                self._pulse.cancel()
            loaded.release_threads()

    async def _start_up(self, lifespan: Lifespan, state: dict[str, Any], notice: ShutdownNotice) -> None:
        """Have the channel layers at work, and then the applications, which may send at once."""
        await self._layers.open()
        await lifespan.startup(state, {KEY: notice})
        await self._layers.open()  # those that the applications have set up now

    async def _listen_and_serve(
        self,
        context: ServerContext,
        operations: Operations,
        drain: Drain,
        sockets: Sequence[socket.socket] | None,
    ) -> None:
        self.listeners = self._bind(sockets)
        try:
            await self._start(context, operations, self.listeners)
            await self._serve_until_told(context, operations)
            self._begin_to_stop(context, operations)
            await drain.run()
        finally:
            await drain.cut_off()
            await operations.leave()
            await cancel_tasks(self.listeners.starting, _CANCEL_SECONDS)

    def _bind(self, sockets: Sequence[socket.socket] | None) -> Listeners:
        """Have the addresses; nobody can connect yet."""
        if sockets is None:
            listeners = Listeners.bind(self.config, self._passed)
        else:
            listeners = Listeners.given(sockets, self.config.backlog)
        if self._certificates is not None:
            for listener in listeners.each:
                listener.scheme = "https"
        return listeners

    async def _start(self, context: ServerContext, operations: Operations, listeners: Listeners) -> None:
        """Let clients in, and say so to everybody who waits for that."""
        entrance = Entrance(context.loop, self.config.limit_connections, lambda: len(context.connections))
        context.on_connection_closed = entrance.connection_closed
        factory = protocol_factory(context, self._certificates, self._request_limit_reached)
        await operations.open(context, entrance)
        await listeners.start(factory, entrance)
        await operations.start()
        self._announce(operations.lines)
        self.started = True
        self._has_started.set()
        self._notifier.ready(f"listening on {', '.join(listeners.urls)}")
        self._notifier.start_watchdog(context.loop)
        if self.config.callback_notify is not None:
            self._pulse = start_pulse(self.config.callback_notify, self.config.timeout_notify)

    def _announce(self, operations: Sequence[str]) -> None:
        """Say where it listens, how it can be operated and what it serves: the first lines anybody looks
        for.
        """
        assert self.listeners is not None
        assert self._loaded is not None
        if self.on_started is not None:
            self.on_started()
            return
        for line in [*(f"listening on {url}" for url in self.listeners.urls), *operations]:
            if self._by_itself:
                print(f"hybrid: {line}", file=sys.stderr)
            else:
                logger.info("%s", line)
        if self._by_itself and self._loaded.routes:
            print(format_routes(self._loaded.routes), file=sys.stderr, flush=True)

    async def _serve_until_told(self, context: ServerContext, operations: Operations) -> None:
        """Let time pass."""
        settling = context.loop.time() + _SETTLED_SECONDS
        while not self.should_exit:
            await self._wait_told(context.TICK)
            self._tick(context, operations)
            if context.loop.time() >= settling:
                settling = inf
                load_rest(self.config)
                await operations.settle()

    def _tick(self, context: ServerContext, operations: Operations) -> None:
        """Look at what only time changes."""
        context.tick()
        if context.tallies is not None:
            context.tallies.tick()
        operations.look()
        if self._certificates is not None:
            self._certificates.reload()
        flush_logs()

    def _begin_to_stop(self, context: ServerContext, operations: Operations) -> None:
        """Say that it stops to those who must know before the first connection closes."""
        self._notifier.stopping(f"stopping, with {len(context.connections)} connections")
        if self.on_stopping is not None:
            self.on_stopping()
        operations.hide()

    def _stop_listening(self, last: bool) -> None:
        assert self.listeners is not None
        self.started = False
        self.listeners.close(last=last)

    async def _shut_down(self, loop: asyncio.AbstractEventLoop, lifespan: Lifespan, left: float) -> None:
        """Let the applications clean up, for as long as the requests have left and at least a moment."""
        forced = self.force_exit
        allowed = _CANCEL_SECONDS if forced else max(left, _SHUTDOWN_SECONDS)
        # Later than the lifespan's own: for one that does not even let itself be cut off.
        deadline = loop.time() + allowed + 2 * _CANCEL_SECONDS
        if lifespan.running and self._has_started.is_set():
            logger.info("stopping: the applications shut down")
        try:
            completed = await complete(
                lifespan.shutdown(allowed),
                lambda: self.force_exit != forced or loop.time() >= deadline,
                2 * _CANCEL_SECONDS,
            )
        except LifespanError as error:
            logger.error("%s", error)
        else:
            if not completed:
                logger.warning("cutting off lifespan shutdown")

    # Being told to stop.

    def _request_limit_reached(self) -> None:
        if self.exit_reason is None:
            self.exit_reason = ExitReason.MAX_REQUESTS
        self.should_exit = True

    def _tell(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(self._told.set)

    async def _wait_told(self, seconds: float) -> None:
        """Wait until somebody sets should_exit or force_exit, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
            self._told.clear()
        except TimeoutError:
            pass

    def _signals_handled(self) -> AbstractContextManager[None]:
        handlers: dict[signal.Signals, Handler] = dict.fromkeys(
            (signal.SIGINT, signal.SIGTERM), self._handle_signal
        )
        if hasattr(signal, "SIGUSR1"):
            handlers[signal.SIGUSR1] = self._reopen_log_files
        return signals_handled(handlers)

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self.should_exit and number == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    def _reopen_log_files(self, number: int, frame: FrameType | None) -> None:
        """Let the loop do it: the signal may have come in the middle of writing a line."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(reopen_log_files)
