"""Everything that can be set about a server, with its default."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.lifespan import Mode as LifespanMode
from hybrid.server.limits import Limits

LoopName = Literal["auto", "uvloop", "asyncio"]
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")

#: What each of these may be.
_CHOICES = {"lifespan": get_args(LifespanMode), "loop": get_args(LoopName), "log_level": LOG_LEVELS}
#: The smallest and the largest number of each of these.
_RANGES = {
    "port": (0, 65535),
    "threads": (1, 10_000),
    "backlog": (1, 1 << 16),
    "ws_max_size": (1, 1 << 40),
    "ws_max_queue": (1, 1 << 20),
}
_TIMEOUTS = ("timeout_keep_alive", "timeout_headers", "timeout_graceful_shutdown")


@dataclass(kw_only=True)
class Config:
    """How to serve what. The names are uvicorn's where it has the option; times are in seconds, sizes in
    bytes.

    Args:
        app: an application object (WSGI, ASGI or a router), or targets ``[PREFIX=]MODULE[:ATTR]`` to import.
        host: address to listen on.
        port: TCP port; 0 lets the system pick one.
        uds: path of a Unix socket to listen on, instead of host and port.
        fd: inherited file descriptor of a listening socket, instead of host and port.
        backlog: connections that the system queues before they are accepted.
        threads: worker threads for WSGI applications.
        app_dir: where targets are imported from; put first on ``sys.path``.
        lifespan: ``auto`` runs it for applications that know it, ``on`` requires it, ``off`` never does.
        root_path: where a proxy mounts the whole server (ASGI ``root_path``, WSGI ``SCRIPT_NAME``).
        loop: event loop; ``auto`` is uvloop where it is installed.
        log_level: of the server's own log.
        access_log: whether to log a line for each request.
        timeout_keep_alive: how long an idle connection is kept open.
        timeout_headers: how long a client may take to send a request's head.
        timeout_graceful_shutdown: how long requests in flight may take once the server stops.
        ws_max_size: largest WebSocket message, in bytes; a larger one is answered with close code 1009.
        ws_max_queue: WebSocket messages waiting for the application before reading from the socket pauses.
        limits: what a request may measure.

    Raises:
        ConfigError: a value that no server could run with; the message names the option.
    """

    app: object
    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    fd: int | None = None
    backlog: int = 2048
    threads: int = 16
    app_dir: str | Path = "."
    lifespan: LifespanMode = "auto"
    root_path: str = ""
    loop: LoopName = "auto"
    log_level: str = "info"
    access_log: bool = True
    timeout_keep_alive: float = 5.0
    timeout_headers: float = 10.0
    timeout_graceful_shutdown: float = 30.0
    ws_max_size: int = 16 * 1024 * 1024
    ws_max_queue: int = 32
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            self._check_range(name, low, high, whole=True)
        for name in _TIMEOUTS:
            self._check_range(name, 0, 24 * 3600, whole=False)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name}: {getattr(self, name)!r} is not one of {', '.join(choices)}")
        if self.fd is not None:
            self._check_range("fd", 0, (1 << 31) - 1, whole=True)
        if not all(isinstance(each, str) for each in self.targets or ()):
            raise ConfigError("app: several targets are given as strings; for objects, make a Gateway")
        if self.uds is not None and self.fd is not None:
            raise ConfigError("uds and fd: give one of them, not both")
        if self.root_path and not self.root_path.startswith("/"):
            raise ConfigError(f"root_path: {self.root_path!r} does not start with '/'")
        self.root_path = self.root_path.rstrip("/")

    @property
    def targets(self) -> Sequence[str] | None:
        """The targets to import, or None when :attr:`app` is an application already."""
        if isinstance(self.app, str):
            return [self.app]
        if isinstance(self.app, (list, tuple)):
            return cast("Sequence[str]", self.app)  # pyright: ignore[reportUnknownMemberType] - of whatever
        return None

    def _check_range(self, name: str, low: float, high: float, *, whole: bool) -> None:
        value = getattr(self, name)
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            what = "a whole number" if whole else "a number"
            raise ConfigError(f"{name}: {value!r} is not {what} from {low} to {high}")
