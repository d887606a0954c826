"""From what the configuration names to what the server runs: the application, its lifespan, its threads, its
routes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from hybrid.bridge.gateway import Gateway, Route, Target, load_targets
from hybrid.bridge.lifespan import Lifespan
from hybrid.bridge.targets import add_app_dir
from hybrid.bridge.types import ASGIApp, BodyPolicy, Resolver
from hybrid.bridge.wsgi.oversight import Patience
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.config import Config


@dataclass(frozen=True)
class LoadedApplication:
    """What a server runs.

    Attributes:
        application: what requests are given to.
        lifespan: what is started before the first request and stopped after the last.
        pools: the threads of its WSGI applications, by name; ``""`` is the default.
        sockets: the threads of their WebSockets; None when these are refused.
        routes: the table to print; empty for a router that was built by hand.
    """

    application: ASGIApp
    lifespan: Lifespan
    pools: Mapping[str, ThreadPool]
    sockets: SocketThreads | None = None
    routes: Sequence[Route] = ()


def load_application(config: Config) -> LoadedApplication:
    """Import and wrap what the configuration names.

    Raises:
        LoadError: a target cannot be loaded.
        InterfaceError: an object is no application.
    """
    pools = _make_pools(config)
    sockets = SocketThreads(config.websocket_threads) if config.websocket_threads else None
    if isinstance(config.app, Resolver):
        application = cast("ASGIApp", config.app)
        return LoadedApplication(application, Lifespan([application], config.lifespan), pools, sockets)
    if config.targets is None:
        targets = [Target(config.app)]
    else:
        add_app_dir(str(config.app_dir))
        targets = load_targets(config.targets)
    # What is larger than Config.limit_request_body does not come this far, whoever it is for.
    policy = BodyPolicy(buffer=config.wsgi_buffer, limit=0)
    gateway = Gateway(targets, pool=pools[""], pools=pools, sockets=sockets, body_policy=policy)
    return LoadedApplication(gateway, gateway.lifespan(config.lifespan), pools, sockets, gateway.routes())


def _make_pools(config: Config) -> dict[str, ThreadPool]:
    """Make the pools that the configuration names; their threads start when they are needed."""
    patience = Patience(config.threads_queue_timeout, config.timeout_request, config.limit_stuck_threads)
    pools = {"": ThreadPool(config.threads, queue=config.threads_queue, patience=patience)}
    for name, (threads, queue) in config.pool_sizes.items():
        pools[name] = ThreadPool(threads, queue=queue, name=name, patience=patience)
    return pools
