"""From what the configuration names to what the server runs: the application, its lifespan, its threads, its
routes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, cast

from hybrid.bridge.gateway import Gateway, Route, Target, load_targets
from hybrid.bridge.imports import without_collection
from hybrid.bridge.lifespan import Lifespan
from hybrid.bridge.targets import add_app_dir, call_factory, parse_target
from hybrid.bridge.types import ASGIApp, BodyPolicy, Resolver
from hybrid.bridge.wsgi.oversight import Patience
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.config import Config
from hybrid.server.frameworks import adapted, fit_in, named
from hybrid.server.sources.env_file import load_env_file
from hybrid.server.static import with_files


class LoadedApplication(NamedTuple):
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


def load_application(config: Config, mounts: Sequence[Target] | None = None) -> LoadedApplication:
    """Import and wrap what the configuration names, or applications that somebody else has loaded.

    Raises:
        LoadError: a target cannot be loaded.
        InterfaceError: an object is no application.
        ConfigError: what an application has set up cannot work with the configuration.
    """
    with without_collection():
        targets = load_configured(config) if mounts is None else with_files(config, mounts)
    fit_in(config)
    pools = _make_pools(config)
    sockets = SocketThreads(config.websocket_threads) if config.websocket_threads else None
    if mounts is None and config.targets is None and not config.static and _is_router(targets):
        application = cast("ASGIApp", targets[0].application)
        return LoadedApplication(application, Lifespan([application], config.lifespan), pools, sockets)
    # What is larger than Config.limit_request_body does not come this far, whoever it is for.
    policy = BodyPolicy(buffer=config.wsgi_buffer, limit=0)
    gateway = Gateway(targets, pool=pools[""], pools=pools, sockets=sockets, body_policy=policy)
    return LoadedApplication(gateway, gateway.lifespan(config.lifespan), pools, sockets, gateway.routes())


def load_configured(config: Config) -> list[Target]:
    """Import what the configuration names, in the environment that it names, and add its directories of
    files.

    Raises:
        LoadError: a target cannot be loaded, or its place is that of files.
        ConfigError: the file with environment variables cannot be read, or a directory is not there.
    """
    if config.env_file is not None:
        load_env_file(config.env_file)
    return with_files(config, _load_applications(config))


def _is_router(targets: Sequence[Target]) -> bool:
    return isinstance(targets[0].application, Resolver)


def _load_applications(config: Config) -> list[Target]:
    forced = config.forced_interface
    if config.targets is None:
        application = call_factory(config.app) if config.factory else config.app
        return [Target(application, interface=forced)]
    add_app_dir(str(config.app_dir))
    specs = [parse_target(each) if isinstance(each, str) else each for each in config.targets]
    targets = load_targets(
        replace(each, factory=each.factory or config.factory, interface=each.interface or forced)
        for each in specs
    )
    return adapted([*named(config), *targets], config)


def _make_pools(config: Config) -> dict[str, ThreadPool]:
    """Make the pools that the configuration names; their threads start when they are needed."""
    patience = Patience(config.threads_queue_timeout, config.timeout_request, config.limit_stuck_threads)
    pools = {"": ThreadPool(config.threads, queue=config.threads_queue, patience=patience)}
    for name, (threads, queue) in config.pool_sizes.items():
        pools[name] = ThreadPool(threads, queue=queue, name=name, patience=patience)
    return pools
