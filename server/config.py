"""Everything that can be set about a server, with its default."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.lifespan import Mode as LifespanMode
from hybrid.bridge.targets import check_pool_name
from hybrid.server.limits import Limits

LoopName = Literal["auto", "uvloop", "asyncio"]
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")

#: What each of these may be.
_CHOICES = {"lifespan": get_args(LifespanMode), "loop": get_args(LoopName), "log_level": LOG_LEVELS}
#: The smallest and the largest number of each of these.
_RANGES = {
    "port": (0, 65535),
    "threads": (1, 10_000),
    "threads_queue": (0, 1 << 20),
    "websocket_threads": (0, 10_000),
    "limit_stuck_threads": (1, 10_000),
    "wsgi_buffer": (0, 1 << 30),
    "limit_request_body": (0, 1 << 60),
    "backlog": (1, 1 << 16),
    "ws_max_size": (1, 1 << 40),
    "ws_max_queue": (1, 1 << 20),
}
_TIMEOUTS = (
    "timeout_keep_alive",
    "timeout_headers",
    "timeout_write",
    "timeout_graceful_shutdown",
    "timeout_request",
    "threads_queue_timeout",
)


@dataclass(kw_only=True)
class Config:
    """How to serve what. The names are uvicorn's where it has the option; times are in seconds, sizes in
    bytes.

    Args:
        app: an application object (WSGI, ASGI or a router), or targets to import,
            ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]``.
        host: address to listen on.
        port: TCP port; 0 lets the system pick one.
        uds: path of a Unix socket to listen on, instead of host and port.
        fd: inherited file descriptor of a listening socket, instead of host and port.
        backlog: connections that the system queues before they are accepted.
        threads: worker threads for WSGI applications.
        threads_queue: requests that may wait for one of these threads; one more is answered 503.
        threads_queue_timeout: how long a request may wait for a thread before it is answered 503; 0 is for
            ever.
        pools: further pools of threads, ``NAME=THREADS[,QUEUE]`` each, for the targets that name them.
        websocket_threads: threads for the WebSockets of WSGI applications, one for each connection; one more
            is answered 503. 0 refuses them all.
        wsgi_buffer: bytes of a request body for a WSGI application that are kept in memory; a larger one goes
            to a temporary file.
        app_dir: where targets are imported from; put first on ``sys.path``.
        lifespan: ``auto`` runs it for applications that know it, ``on`` requires it, ``off`` never does.
        root_path: where a proxy mounts the whole server (ASGI ``root_path``, WSGI ``SCRIPT_NAME``).
        loop: event loop; ``auto`` is uvloop where it is installed.
        log_level: of the server's own log.
        access_log: whether to log a line for each request.
        timeout_keep_alive: how long an idle connection is kept open.
        timeout_headers: how long a client may take to send a request's head.
        timeout_write: how long a client may take nothing of what waits for it before it is disconnected; 0 is
            for ever.
        timeout_graceful_shutdown: how long requests in flight may take once the server stops.
        timeout_request: how long a WSGI application may take to answer before the client gets a 504; 0 is for
            ever.
        limit_stuck_threads: WSGI requests that may be stuck beyond ``timeout_request``, at a time, before the
            log says that the process should be replaced.
        limit_request_body: largest request body, in bytes; a larger one is answered 413. 0 is no limit.
        ws_max_size: largest WebSocket message, in bytes; a larger one is answered with close code 1009.
        ws_max_queue: WebSocket messages waiting for the application before reading from the socket pauses.
        limits: what a request's head and the coding of its body may measure.

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
    threads_queue: int = 1024
    threads_queue_timeout: float = 30.0
    pools: Sequence[str] = ()
    websocket_threads: int = 100
    wsgi_buffer: int = 64 * 1024
    app_dir: str | Path = "."
    lifespan: LifespanMode = "auto"
    root_path: str = ""
    loop: LoopName = "auto"
    log_level: str = "info"
    access_log: bool = True
    timeout_keep_alive: float = 5.0
    timeout_headers: float = 10.0
    timeout_write: float = 60.0
    timeout_graceful_shutdown: float = 30.0
    timeout_request: float = 0.0
    limit_stuck_threads: int = 10
    limit_request_body: int = 1024**3
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
        self.pool_sizes  # noqa: B018 - refuses what cannot be read, now
        if self.limits.request_body not in (0, self.limit_request_body):
            raise ConfigError("limits: the limit of the request body is set with limit_request_body")
        self.limits = replace(self.limits, request_body=self.limit_request_body)

    @property
    def targets(self) -> Sequence[str] | None:
        """The targets to import, or None when :attr:`app` is an application already."""
        if isinstance(self.app, str):
            return [self.app]
        if isinstance(self.app, (list, tuple)):
            return cast("Sequence[str]", self.app)  # pyright: ignore[reportUnknownMemberType] - of whatever
        return None

    @property
    def pool_sizes(self) -> dict[str, tuple[int, int]]:
        """Threads and queue of each of the :attr:`pools`, by name.

        Raises:
            ConfigError: one of them is malformed, or there twice.
        """
        sizes: dict[str, tuple[int, int]] = {}
        for text in self.pools:
            name, _, numbers = text.partition("=")
            threads, comma, queue = numbers.partition(",")
            if not threads.isdecimal() or not (queue.isdecimal() or not comma) or not int(threads):
                raise ConfigError(f"pools: {text!r} is not NAME=THREADS or NAME=THREADS,QUEUE")
            try:
                check_pool_name(name)
            except ValueError as error:
                raise ConfigError(f"pools: {text!r}: {error}") from None
            if name in sizes:
                raise ConfigError(f"pools: {name!r} is there twice")
            sizes[name] = int(threads), int(queue) if comma else self.threads_queue
        return sizes

    def _check_range(self, name: str, low: float, high: float, *, whole: bool) -> None:
        value = getattr(self, name)
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            what = "a whole number" if whole else "a number"
            raise ConfigError(f"{name}: {value!r} is not {what} from {low} to {high}")
