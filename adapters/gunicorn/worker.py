"""A gunicorn worker that serves WSGI and ASGI applications with this project's server."""

import asyncio
import atexit
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from hybrid.adapters.gunicorn.access import access_logger
from hybrid.adapters.gunicorn.control import remove_control
from hybrid.adapters.gunicorn.forking import NEXT_FORK, signals_waiting, take_signals
from hybrid.adapters.gunicorn.hooks import with_hooks
from hybrid.adapters.gunicorn.ops import hand_ops_over, open_ops, ops_lines
from hybrid.adapters.gunicorn.rooted import Rooted
from hybrid.adapters.gunicorn.settings import config_of, targets_of
from hybrid.adapters.gunicorn.unsupported import warn_of_unsupported
from hybrid.bridge.errors import HybridError
from hybrid.bridge.gateway import Target, load_targets
from hybrid.bridge.layers.workers.places import VARIABLE, offer_place, remove_private_place
from hybrid.bridge.types import ASGIApp
from hybrid.bridge.wsgi.siblings import note_siblings
from hybrid.bridge.wsgi.turns import TURNS
from hybrid.server.config import Config
from hybrid.server.frameworks import adapted
from hybrid.server.layers import APART, keeps_workers_apart
from hybrid.server.listening.listeners import Listeners
from hybrid.server.loops import loop_factory, run_loop
from hybrid.server.ops.handlers import reopen_log_files
from hybrid.server.server import Server
from hybrid.server.signals import Handler
from hybrid.server.watchdog import end_anyway, end_despite_threads

if TYPE_CHECKING:  # loaded when somebody asks
    from hybrid.server.ops.metrics.snapshot import Workers

#: As gunicorn's arbiter understands them: it stops everything, or starts another worker.
_CANNOT_BOOT: Final = 3
_FAILED: Final = 1
#: Seconds between two heartbeats, at most.
_BEAT: Final = 1.0
#: Seconds that a worker which is reloaded lets endless responses go on.
_RELOAD_SECONDS: Final = 1.0


def _remove_places(arbiter: int, config: Config, uid: int) -> None:
    """Remove what the workers' channel layer and their control sockets have left, unless this is a worker
    that ends.
    """
    if os.getpid() == arbiter:
        remove_private_place(os.environ.get(VARIABLE, ""))
        remove_control(config, uid)


class HybridWorker(Worker):
    """``gunicorn -k hybrid.adapters.gunicorn.HybridWorker``: WSGI on threads, ASGI and WebSockets on a loop.

    gunicorn's settings apply, as ``docs/gunicorn.md`` says of each; beyond them its configuration file may
    have ours, with ``hybrid_`` in front, and ``hybrid_targets``, more applications beside the one that
    gunicorn loads.

    Everything runs on the main thread, signal handlers in between; :meth:`__init__` in the arbiter.
    """

    _ops: ClassVar[Listeners | None] = None  # opened by the arbiter

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server: Server | None = None
        self.has_served = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_replaced = False  # whether the arbiter is told already that this worker leaves
        if self.ppid == os.getpid():  # this is the arbiter, which forks now
            NEXT_FORK.expect_worker()

    @classmethod
    def check_config(cls, cfg: GunicornConfig, log: Logger) -> None:
        """Refuse what cannot be served, and say which settings have no effect (arbiter)."""
        try:
            config = config_of(cfg, app=None)
            targets_of(cfg)
        except HybridError as error:
            raise RuntimeError(str(error)) from error  # gunicorn prints it as one line, and ends
        warn_of_unsupported(cfg, log)
        if keeps_workers_apart(config):
            log.warning("%s", APART)
        # Another user's folder may be closed to the workers.
        place = offer_place(tempfile.gettempdir() if cfg.uid != os.geteuid() else None)
        cfg.env_orig[VARIABLE] = place  # for the process that replaces this one (SIGUSR2)
        remove_control(config, cfg.uid)  # of an arbiter that was killed, and had the same id
        cls._ops = open_ops(config)
        if cls._ops is not None:
            hand_ops_over(cls._ops, cfg.env_orig)  # to the process that replaces this one
            log.info("%s", "; ".join(ops_lines(cls._ops, config)))
        atexit.unregister(_remove_places)
        atexit.register(_remove_places, os.getpid(), config, cfg.uid)

    # What a worker of another kind does differently.

    def make_config(self) -> Config:
        """Make the server's configuration."""
        limit = self.max_requests if self.cfg.max_requests else 0
        write = access_logger(self.log)
        logs = {"access_log": write is not None, "access_logger": write}
        return config_of(self.cfg, self.wsgi, limit_max_requests=limit, **logs, **self.pulse())

    def mounts(self, config: Config) -> Sequence[Target] | None:
        """Load what is served instead of what the configuration names."""
        targets = adapted([Target(self.wsgi), *load_targets(targets_of(self.cfg))], config)
        return [replace(target, application=with_hooks(target.application, self)) for target in targets]

    def around(self, app: ASGIApp) -> ASGIApp:
        """Put the application where the proxy in front has it."""
        root = (self.cfg.root_path or os.environ.get("SCRIPT_NAME", "")).rstrip("/")
        return Rooted(app, root) if root else app

    def serving(self) -> None:
        """The server accepts connections."""
        self.has_served = True
        self.log.info("Worker serving (pid: %s)", self.pid)

    def ops_listeners(self) -> Listeners | None:
        """Return where the workers tell how the server is, if they do."""
        return self._ops

    def all_workers(self) -> "Workers | None":
        """Return what is known of all workers: nothing, where gunicorn's own arbiter is over them."""
        return None

    def leaving(self) -> None:
        """The server stops of its own accord."""

    def cannot_boot(self, error: BaseException) -> None:
        """Say why nothing can be served."""
        self.log.error("Worker cannot boot: %s", error, exc_info=error)

    # The life of the process.

    def init_process(self) -> None:
        """Import the applications, and serve; what an import makes of its end interests nobody."""
        try:
            super().init_process()
        except Exception:
            if self.alive:
                raise

    def pulse(self) -> dict[str, Any]:
        """Give the settings that make the server call :meth:`beat`."""
        seconds = min(_BEAT, self.timeout / 2) if self.timeout else _BEAT
        return {"callback_notify": self.beat, "timeout_notify": seconds}

    def run(self) -> None:
        """Serve until told to stop. Everything before, gunicorn's base class has done."""
        note_siblings()
        self.use_loggers()
        try:
            config = self.make_config()
            self.server = server = Server(config)
            server.on_started, server.on_stopping = self.serving, self._leave
            server.main_process = self.ppid
            server.workers = self.all_workers
            if (ops := self.ops_listeners()) is not None:
                server.ops_sockets = ops.sockets
            server.load(self.mounts(config), self.around)
            with TURNS.managed():
                run_loop(loop_factory(config.loop), self._serve(server))
        except Exception as error:  # noqa: BLE001 - logged, and told to the arbiter
            if self.alive or self.has_served:  # otherwise it was told to stop while it booted
                self._end(error)
        end_despite_threads(0)

    def _end(self, error: BaseException) -> NoReturn:
        if self.has_served:
            self.log.critical("Worker failed (pid: %s)", self.pid, exc_info=error)
            code = _FAILED
        else:
            self.cannot_boot(error)
            code = _CANNOT_BOOT
        end_despite_threads(code)
        sys.exit(code)

    async def _serve(self, server: Server) -> None:
        self._loop = loop = asyncio.get_running_loop()
        signal.siginterrupt(signal.SIGTERM, False)  # True lets it end what an import waits for
        loop.add_reader(self.PIPE[0], self._reload, loop)
        if self.alive:
            await server.serve([getattr(each, "sock", each) for each in self.sockets])

    def beat(self) -> None:
        """Show that the loop turns, and look whether there is a reason to stop. On the loop."""
        server = self.server
        assert server is not None
        self.notify()
        if os.getppid() != self.ppid:
            self.log.warning("Worker (pid: %s) has lost its parent, and stops", self.pid)
            self._leave()
        elif stuck := [name or "default" for name, pool in server.load().pools.items() if pool.exhausted]:
            names = ", ".join(stuck)
            self.log.critical("WORKER POOL STUCK (pid: %s): %s; it is drained and replaced", self.pid, names)
            self._leave()

    def _leave(self) -> None:
        """Drain, and let the arbiter start another one at once if it can be told."""
        if self.alive and not self._is_replaced:
            self._is_replaced = True
            self.leaving()
        self._stop()

    def _stop(self, *, quick: bool = False) -> None:
        self.alive = False
        if self.server is not None:
            self.server.force_exit = self.server.force_exit or quick
            self.server.should_exit = True

    def _reload(self, loop: asyncio.AbstractEventLoop) -> None:
        """A file has changed: gunicorn's reloader, on a thread of its own, has written to the pipe."""
        os.read(self.PIPE[0], 4096)
        self._stop()
        loop.call_later(_RELOAD_SECONDS, lambda: self._stop(quick=True))

    # Signals. The handlers of gunicorn's base class raise SystemExit wherever the process happens to be.

    def handlers(self) -> Mapping[signal.Signals, Handler | signal.Handlers]:
        """Return what is called on signals, as in gunicorn's workers."""
        return {
            signal.SIGTERM: self.handle_exit,
            signal.SIGQUIT: self.handle_quit,
            signal.SIGINT: self.handle_quit,
            signal.SIGUSR1: self.handle_usr1,
            signal.SIGABRT: self.handle_abort,
            signal.SIGWINCH: self.handle_winch,
        }

    def init_signals(self) -> None:
        """Handle signals, those too that have come since the fork."""
        with signals_waiting():  # one that finds the default would end this process at once
            for each in self.SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            for number, handler in self.handlers().items():
                signal.signal(number, handler)
            signal.siginterrupt(signal.SIGUSR1, False)
        take_signals()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: drain, and end; at once while the applications are imported, which can take long."""
        self._stop()
        self._end_import()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGQUIT, SIGINT: end without waiting for anybody."""
        self.cfg.worker_int(self)
        self._stop(quick=True)
        self._end_import()

    def _end_import(self) -> None:
        """End the process if the loop does not run yet, whatever the modules make of SystemExit, and whatever
        threads they have started.
        """
        if self._loop is None:
            end_anyway(0)
            sys.exit(0)

    def handle_usr1(self, sig: int, frame: FrameType | None) -> None:
        """SIGUSR1: write to new log files, those that were there may have been moved away."""
        super().handle_usr1(sig, frame)
        if self._loop is not None:  # the signal may have come in the middle of writing a line
            self._loop.call_soon_threadsafe(reopen_log_files)

    def handle_abort(self, sig: int, frame: FrameType | None) -> None:
        """SIGABRT: the arbiter has seen no heartbeat for too long; say where the loop is, and end."""
        stack = "".join(traceback.format_stack(frame))
        self.log.critical("Worker (pid: %s) is aborted; its event loop is at\n%s", self.pid, stack)
        self.cfg.worker_abort(self)
        self._stop(quick=True)  # for when the loop goes on, since an application's SystemExit is only logged
        sys.exit(_FAILED)

    # Logs.

    def use_loggers(self) -> None:
        """Send what the server logs to gunicorn's error log."""
        events, errors = logging.getLogger("hybrid"), getattr(self.log, "error_log", None)
        if isinstance(errors, logging.Logger) and not events.handlers:
            events.handlers = errors.handlers  # the same list: reopening a file may exchange a handler
            events.setLevel(errors.level)
            events.propagate = errors.propagate
