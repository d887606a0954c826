"""What is dangerous about a configuration that works: the warnings of `hybrid check`."""

from collections.abc import Callable, Iterator, Sequence

from hybrid.bridge.routes import Route
from hybrid.server.config import Config

#: Looks at a configuration and its routes, and says what is dangerous, each in one line.
_Look = Callable[[Config, Sequence[Route]], Iterator[str]]


def hazards(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    """Say what is dangerous about a configuration, each in one line that names the setting."""
    for look in _LOOKS:
        yield from look(config, routes)


def is_public(config: Config) -> bool:
    """Tell whether others than this machine can connect, as far as the settings say."""
    if config.uds is not None or config.fd is not None:
        return False
    return config.host not in {"127.0.0.1", "::1", "localhost"}


def _unbounded(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    if not config.timeout_write:
        yield "timeout_write = 0: a client that takes nothing of its response is kept for ever"
    if not config.limit_request_body and is_public(config):
        yield "limit_request_body = 0: on a public address, anybody can fill the disk"
    if not config.threads_queue_timeout:
        yield "threads_queue_timeout = 0: a request that waits for a thread may wait for ever"


def _development(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    if config.reload and is_public(config):
        yield "reload: it is for development, and others than this machine can connect"


def _shutdown(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    if not config.timeout_graceful_shutdown:
        yield "timeout_graceful_shutdown = 0: a restart cuts off the requests in flight"


def _pools(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    if not routes:  # a router that was built by hand: nobody knows what it uses
        return
    used = {route.runs_on.removesuffix(", streaming") for route in routes}
    for name in config.pool_sizes:
        if f"thread pool {name}" not in used:
            yield f"pools: no target runs on the pool {name}"


_LOOKS: tuple[_Look, ...] = (_unbounded, _development, _shutdown, _pools)
