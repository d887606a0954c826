"""``hybrid serve --workers N``: gunicorn's arbiter over workers that are set with this project's settings."""

import dataclasses
import logging
import os
import signal
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from hybrid.adapters.gunicorn.control import remove_control
from hybrid.adapters.gunicorn.forking import signals_waiting
from hybrid.adapters.gunicorn.ledger import Ledger
from hybrid.adapters.gunicorn.ops import hand_ops_over, open_ops, ops_lines
from hybrid.adapters.gunicorn.rolling import RollingArbiter
from hybrid.adapters.gunicorn.stage import Stage, write_stage
from hybrid.adapters.gunicorn.worker import HybridWorker
from hybrid.bridge.errors import HybridError
from hybrid.bridge.gateway import Target, format_routes
from hybrid.bridge.layers.workers.places import offer_place, remove_private_place
from hybrid.bridge.types import ASGIApp
from hybrid.server.config import Config
from hybrid.server.errors import EXIT_FORCED
from hybrid.server.layers import APART, keeps_workers_apart
from hybrid.server.listening.listeners import Listeners
from hybrid.server.ops.control.places import prepare_control
from hybrid.server.ops.handlers import reopen_log_files
from hybrid.server.ops.logs import configure_logging
from hybrid.server.pidfile import refuse_taken
from hybrid.server.signals import Handler
from hybrid.server.systemd import Notifier, PassedSocket, take_passed_sockets

if TYPE_CHECKING:  # loaded when somebody asks
    from hybrid.server.ops.metrics.snapshot import Workers

#: Seconds beyond those of the requests that a worker gets for lifespan shutdown and its last words.
_END_SECONDS: Final = 10.0
#: Where heartbeats cost no disk.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - gunicorn makes an unnamed file there
#: How gunicorn hands listening sockets over when it starts anew (SIGUSR2).
_INHERITED: Final = "GUNICORN_FD"
_UPGRADED_FROM: Final = "GUNICORN_PID"


def run_workers(config: Config, make_again: Callable[[], Config]) -> None:
    """Serve with several processes until SIGINT or SIGTERM.

    Args:
        config: the configuration.
        make_again: makes it again, on SIGHUP.

    Raises:
        BindError: an address cannot be had, or the process id's file is another server's.
        SystemExit: 0 after a drain, 3 when a worker cannot boot, 130 when it was forced to stop.
    """
    with signals_waiting():  # until the arbiter handles them: one that ends it now would leave what is open
        _run_workers(config, make_again)


def _run_workers(config: Config, make_again: Callable[[], Config]) -> None:
    configure_logging(config.log_plan())
    if keeps_workers_apart(config):
        logging.getLogger("hybrid.layers").warning("%s", APART)
    if config.pidfile is not None and _UPGRADED_FROM not in os.environ:
        refuse_taken(config.pidfile)
    notifier = Notifier(os.environ)
    os.environ.pop("NOTIFY_SOCKET", None)  # gunicorn would say READY before anybody serves
    # Where the channel layer of the workers is; before gunicorn notes the environment for who replaces it.
    place = offer_place()
    _prepare_control(config)
    application = ServeApplication(config, make_again)
    passed = take_passed_sockets()
    application.ops = open_ops(config, passed)
    arbiter = RollingArbiter(application, _listen(config, passed), notifier)
    if (ops := application.ops) is not None:
        arbiter.ops, arbiter.remarks = ops, ops_lines(ops, config)
    application.ledger = arbiter.ledger
    os.environ.pop("SERVER_SOFTWARE", None)  # gunicorn's name, for applications that look for it there
    try:
        arbiter.run()
    except SystemExit as end:
        if arbiter.pid == os.getpid():  # and this is no worker
            remove_private_place(place)
            remove_control(config)
        if not end.code and arbiter.forced:
            raise SystemExit(EXIT_FORCED) from None
        raise


def _prepare_control(config: Config) -> None:
    """Find out whether the workers will be able to listen where they are told, before there are any."""
    remove_control(config)
    if config.control_folder is not None:
        prepare_control(config.control_folder)


def _listen(config: Config, passed: Sequence[PassedSocket]) -> Listeners:
    """Open the sockets, or take those of the process that this one is to replace."""
    inherited = os.environ.pop(_INHERITED, "")
    if inherited:
        sockets = [socket.socket(fileno=int(each)) for each in inherited.split(",")]
        for each in sockets:
            each.set_inheritable(False)
        listeners = Listeners.given(sockets, config.backlog)
    else:
        listeners = Listeners.bind(config, passed)
    for listener in listeners.each:
        listener.scheme = "https" if config.uses_tls else "http"
        listener.listen(config.backlog)
    return listeners


class ServeApplication(BaseApplication):
    """What gunicorn takes its own configuration from.

    Attributes:
        config: ours.
        ledger: what the process over the workers has done, once there is one.
        ops: where the workers tell how the server is, if they do.
    """

    ledger: Ledger | None = None
    ops: Listeners | None = None

    def __init__(self, config: Config, make_again: Callable[[], Config]) -> None:
        self.config = config
        self._make_again = make_again
        super().__init__(prog="hybrid")

    def load_config(self) -> None:
        """Set what the arbiter looks at; the workers look at ours."""
        config = self.config
        memory = str(_MEMORY) if os.access(_MEMORY, os.W_OK | os.X_OK) else None
        for name, value in {
            "workers": config.workers,
            "worker_class": ServeWorker,
            "timeout": ceil(config.timeout_worker_healthcheck),
            "graceful_timeout": round(2 * config.timeout_graceful_shutdown + _END_SECONDS),
            "worker_tmp_dir": memory,
            "logger_class": Remarks,
            "control_socket_disable": True,
            "proc_name": "hybrid",
            "pidfile": None if config.pidfile is None else os.path.abspath(config.pidfile),  # noqa: PTH100
            "pre_exec": _let_sockets_through,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return nothing: each worker's server loads the applications."""
        return None

    def reload(self) -> None:
        """Read the configuration again; a mistake in it leaves everything as it is.

        Raises:
            HybridError: what is wrong.
        """
        config = self._make_again()
        configure_logging(config.log_plan())
        self.config = config
        super().reload()


def _let_sockets_through(arbiter: RollingArbiter) -> None:
    """Let the process that replaces this one have its listening sockets (after fork, before exec)."""
    for each in arbiter.LISTENERS:
        os.set_inheritable(each.fileno(), True)
    if arbiter.ops is not None:
        hand_ops_over(arbiter.ops, arbiter.cfg.env_orig)


class ServeWorker(HybridWorker):
    """A worker of ``hybrid serve``, which tells the arbiter how far it has come."""

    @classmethod
    def check_config(cls, cfg: Any, log: Logger) -> None:
        """Check nothing: the configuration is ours."""

    def handlers(self) -> Mapping[signal.Signals, Handler | signal.Handlers]:
        """Leave SIGINT, which a terminal sends to all processes, to the arbiter."""
        return {**super().handlers(), signal.SIGINT: signal.SIG_IGN}

    def make_config(self) -> Config:
        """Take the configuration as it is."""
        return dataclasses.replace(cast("ServeApplication", self.app).config, **self.pulse())

    def mounts(self, config: Config) -> Sequence[Target] | None:
        """Let the configuration name the applications."""
        return None

    def around(self, app: ASGIApp) -> ASGIApp:
        """Let the configuration say where it is."""
        return app

    def serving(self) -> None:
        """Tell the arbiter, which says what is served."""
        assert self.server is not None
        self.has_served = True
        routes = self.server.load().routes
        self._tell(Stage.SERVING, format_routes(routes) if routes else "")

    def ops_listeners(self) -> Listeners | None:
        """Return what the process over the workers has opened."""
        return cast("ServeApplication", self.app).ops

    def all_workers(self) -> "Workers | None":
        """Return what the process over the workers says of them."""
        ledger = cast("ServeApplication", self.app).ledger
        return None if ledger is None else ledger.read()

    def leaving(self) -> None:
        """Let the arbiter start another worker."""
        self._tell(Stage.LEAVING)

    def cannot_boot(self, error: BaseException) -> None:
        """Leave the reason to the arbiter: several workers may have the same."""
        is_ours = isinstance(error, HybridError)
        cause = error.__cause__ if is_ours else error
        text = "" if cause is None else "".join(traceback.format_exception(cause))
        self._tell(Stage.FAILED, f"{text}hybrid: {error}" if is_ours else text)

    def _tell(self, stage: Stage, text: str = "") -> None:
        write_stage(self.tmp.fileno(), stage, text)
        self.notify()  # writing has set the times of the file
        os.kill(self.ppid, signal.SIGCHLD)  # the arbiter looks at its workers at once

    def use_loggers(self) -> None:
        """They are set up already."""


class Remarks(Logger):
    """What gunicorn says goes to ``hybrid.workers``: its running commentary as debug messages.

    gunicorn's own loggers, and the settings for them, are left alone.
    """

    def setup(self, cfg: Any) -> None:
        """Set nothing up: logging is."""
        self.cfg = cfg
        self.error_log = logging.getLogger("hybrid.workers")

    def reopen_files(self) -> None:
        """Write to new log files: gunicorn knows of ``logging.FileHandler`` alone."""
        super().reopen_files()
        reopen_log_files()

    def info(self, msg: str, *args: object, **kwargs: Any) -> None:
        """Take a remark."""
        self.debug(msg, *args, **kwargs)
