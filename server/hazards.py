"""What is dangerous about a configuration that works: the warnings of `hybrid check`."""

import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hybrid.bridge.routes import Route
from hybrid.server.config import Config

#: Looks at the settings, and says what is dangerous, each in one line.
_Look = Callable[[dict[str, Any]], Iterator[str]]

_LOCAL_HOSTS = {"127.0.0.1", "::1", "[::1]", "localhost"}


def hazards(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    """Say what is dangerous about a configuration, each in one line that names the setting."""
    values = vars(config)
    for look in _LOOKS:
        yield from look(values)
    if is_public(config):
        for look in _PUBLIC_LOOKS:
            yield from look(values)
    yield from _unused_pools(config, routes)


def is_public(config: Config) -> bool:
    """Tell whether others than this machine can connect, as far as the settings say."""
    if config.uds is not None or config.fd is not None:
        return False
    addresses: Sequence[str] = vars(config).get("bind") or ()
    hosts = [each.rpartition(":")[0] or each for each in addresses if not each.startswith(("unix:", "fd://"))]
    return not _LOCAL_HOSTS.issuperset(hosts if addresses else [config.host])


# Wherever the server listens.


def _waits(values: dict[str, Any]) -> Iterator[str]:
    if not values["timeout_write"]:
        yield "timeout_write = 0: a client that takes nothing of its response is kept for ever"
    if values.get("timeout_body") == 0:
        yield "timeout_body = 0: a client that stops in the middle of its request is kept for ever"
    if not values["threads_queue_timeout"]:
        yield "threads_queue_timeout = 0: a request that waits for a thread may wait for ever"
    if not values["timeout_graceful_shutdown"]:
        yield "timeout_graceful_shutdown = 0: a restart cuts off the requests in flight"


def _names(values: dict[str, Any]) -> Iterator[str]:
    if values.get("header_map") == "dangerous":
        yield "header_map = dangerous: a client can forge the fields that a proxy sets, with underscores"


def _tls(values: dict[str, Any]) -> Iterator[str]:
    if values.get("ssl_ca_certs") and values.get("ssl_cert_reqs") in {"none", 0}:
        yield "ssl_cert_reqs = none: clients are not asked for the certificates that ssl_ca_certs is for"
    name = "ssl_keyfile" if values.get("ssl_keyfile") else "ssl_certfile"
    file = values.get(name)
    with suppress(OSError):  # not there: which is more than a hazard, and said elsewhere
        if file and Path(file).stat().st_mode & stat.S_IROTH and _has_key(Path(file)):
            yield f"{name}: everybody on this machine can read the private key in {file}"


def _has_key(file: Path) -> bool:
    return b"PRIVATE KEY-----" in file.read_bytes()


def _descriptors(values: dict[str, Any]) -> Iterator[str]:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    wanted = values.get("limit_connections") or 0
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and wanted > allowed:
        yield f"limit_connections = {wanted}: the system lets this process have {allowed} (ulimit -n)"


# Where others than this machine can connect.


def _body(values: dict[str, Any]) -> Iterator[str]:
    if not values["limit_request_body"]:
        yield "limit_request_body = 0: on a public address, anybody can fill the disk"


def _development(values: dict[str, Any]) -> Iterator[str]:
    if values["reload"]:
        yield "reload: it is for development, and others than this machine can connect"


def _proxies(values: dict[str, Any]) -> Iterator[str]:
    if values.get("proxy_headers") and "*" in str(values.get("forwarded_allow_ips")).split(","):
        yield "forwarded_allow_ips = *: whoever can connect can say who the client is, and claim HTTPS"
    allowed = str(values.get("proxy_allow_ips")).split(",")
    if values.get("proxy_protocol", "off") != "off" and "*" in allowed:
        yield "proxy_allow_ips = *: whoever can connect can say who the client is"


def _unused_pools(config: Config, routes: Sequence[Route]) -> Iterator[str]:
    if not routes:  # a router that was built by hand: nobody knows what it uses
        return
    used = {route.runs_on.removesuffix(", streaming") for route in routes}
    for name in config.pool_sizes:
        if f"thread pool {name}" not in used:
            yield f"pools: no target runs on the pool {name}"


_LOOKS: tuple[_Look, ...] = (_waits, _names, _tls, _descriptors)
_PUBLIC_LOOKS: tuple[_Look, ...] = (_body, _development, _proxies)
