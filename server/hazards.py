"""What is dangerous about a configuration that works: the warnings of `hybrid check`."""

import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from hybrid.bridge.routes import Route
from hybrid.server.allowlist import AllowList
from hybrid.server.config import Config
from hybrid.server.config.addresses import TCPAddress
from hybrid.server.config.static import StaticMount
from hybrid.server.frameworks import django_static_mounts
from hybrid.server.layers import APART, keeps_workers_apart

#: Looks at the settings, and says what is dangerous, each in one line.
_Look = Callable[[Config], Iterator[str]]

_LOCAL_HOSTS = {"127.0.0.1", "::1", "localhost"}


def hazards(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    """Say what is dangerous about a configuration, each in one line that names the setting."""
    for look in _LOOKS:
        yield from look(config)
    if is_public(config):
        for look in _PUBLIC_LOOKS:
            yield from look(config)
    yield from _unused_pools(config, routes)


def is_public(config: Config) -> bool:
    """Tell whether others than this machine can connect, as far as the settings say."""
    addresses = config.addresses or [config.default_address]
    return any(isinstance(each, TCPAddress) and each.host not in _LOCAL_HOSTS for each in addresses)


# Wherever the server listens.


def _waits(config: Config) -> Iterator[str]:
    if not config.timeout_write:
        yield "timeout_write = 0: a client that takes nothing of its response is kept for ever"
    if not config.timeout_body:
        yield "timeout_body = 0: a client that stops in the middle of its request is kept for ever"
    if not config.threads_queue_timeout:
        yield "threads_queue_timeout = 0: a request that waits for a thread may wait for ever"
    if not config.timeout_graceful_shutdown:
        yield "timeout_graceful_shutdown = 0: a restart cuts off the requests in flight"


def _names(config: Config) -> Iterator[str]:
    if config.header_map == "dangerous":
        yield "header_map = dangerous: a client can forge the fields that a proxy sets, with underscores"


def _tls(config: Config) -> Iterator[str]:
    if config.ssl_ca_certs and config.ssl_cert_reqs == "none":
        yield "ssl_cert_reqs = none: clients are not asked for the certificates that ssl_ca_certs is for"
    name = "ssl_keyfile" if config.ssl_keyfile else "ssl_certfile"
    file = config.ssl_keyfile or config.ssl_certfile
    with suppress(OSError):  # not there: which is more than a hazard, and said elsewhere
        if file and Path(file).stat().st_mode & stat.S_IROTH and _has_key(Path(file)):
            yield f"{name}: everybody on this machine can read the private key in {file}"


def _has_key(file: Path) -> bool:
    return b"PRIVATE KEY-----" in file.read_bytes()


def _files(config: Config) -> Iterator[str]:
    for mount in config.static_mounts:
        if _is_around_here(mount):
            yield f"static: what is in the current directory can be read by anybody, at {mount.prefix}"
    if any(map(_is_around_here, django_static_mounts((), config))):
        yield "django_static: what is in the current directory can be read by anybody: it is in STATIC_ROOT"


def _is_around_here(mount: StaticMount) -> bool:
    return Path.cwd().is_relative_to(Path(mount.directory).resolve())


def _descriptors(config: Config) -> Iterator[str]:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    wanted = config.limit_connections
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and wanted > allowed:
        yield f"limit_connections = {wanted}: the system lets this process have {allowed} (ulimit -n)"


def _layers(config: Config) -> Iterator[str]:
    if keeps_workers_apart(config):
        yield f"layer = memory: {APART}"


# Where others than this machine can connect.


def _body(config: Config) -> Iterator[str]:
    if not config.limit_request_body:
        yield "limit_request_body = 0: on a public address, anybody can fill the disk"


def _development(config: Config) -> Iterator[str]:
    if config.reload:
        yield "reload: it is for development, and others than this machine can connect"


def _proxies(config: Config) -> Iterator[str]:
    if AllowList(config.believed_peers).everyone:
        yield "forwarded_allow_ips = *: whoever can connect can say who the client is, and claim HTTPS"
    if config.proxy_protocol != "off" and AllowList(config.proxy_allow_ips).everyone:
        yield "proxy_allow_ips = *: whoever can connect can say who the client is"


def _unused_pools(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    if not routes:  # a router that was built by hand: nobody knows what it uses
        return
    used = {route.runs_on.removesuffix(", streaming") for route in routes}
    for name in config.pool_sizes:
        if f"thread pool {name}" not in used:
            yield f"pools: no target runs on the pool {name}"


_LOOKS: tuple[_Look, ...] = (_waits, _names, _tls, _files, _descriptors, _layers)
_PUBLIC_LOOKS: tuple[_Look, ...] = (_body, _development, _proxies)
