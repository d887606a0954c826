"""From what the configuration names to what the server runs: the application, its lifespan, its threads, its
routes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.gateway import Gateway, Route, Target, load_targets
from hybrid.bridge.imports import without_collection
from hybrid.bridge.lanes import TwoLanes
from hybrid.bridge.lifespan import Lifespan
from hybrid.bridge.targets import add_app_dir, call_factory, parse_target
from hybrid.bridge.types import ASGIApp, BodyPolicy, Resolver
from hybrid.bridge.wsgi.oversight import Patience
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.config import Config
from hybrid.server.frameworks import adapted, fit_in
from hybrid.server.sources.env_file import load_env_file
from hybrid.server.static import with_files

if TYPE_CHECKING:  # most servers have nothing to control
    from hybrid.bridge.control import Controllable


#: Seconds that sleeping threads are waited for: they only have to wake up and return.
_JOIN_SECONDS = 1.0


class LoadedApplication(NamedTuple):
    """What a server runs.

    Attributes:
        application: what requests are given to.
        lifespan: what is started before the first request and stopped after the last.
        pools: the threads of its WSGI applications, by name; ``""`` is the default.
        sockets: the threads of their WebSockets; None when these are refused.
        routes: the table to print; empty for a router that was built by hand.
        controllables: what can be asked and told things while it is served.
    """

    application: ASGIApp
    lifespan: Lifespan
    pools: Mapping[str, ThreadPool]
    sockets: SocketThreads | None = None
    routes: Sequence[Route] = ()
    controllables: "Sequence[Controllable]" = ()

    def release_threads(self) -> None:
        """Let the threads end, and wait for those that only have to wake up for it."""
        for pool in self.pools.values():
            pool.close(timeout=0 if pool.busy else _JOIN_SECONDS)
        if self.sockets is not None:
            self.sockets.close(timeout=0 if self.sockets.busy else _JOIN_SECONDS)


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
    for name, wanted in (("observe", config.observe), ("shadow", config.shadow)):
        if wanted:
            _check_two_lanes(name, config, targets)
    pools = _make_pools(config)
    sockets = SocketThreads(config.websocket_threads) if config.websocket_threads else None
    if mounts is None and config.targets is None and len(targets) == 1 and _is_router(targets):
        application = cast("ASGIApp", targets[0].application)
        lifespan = Lifespan([application], config.lifespan)
        controllables = application.controllables() if isinstance(application, Gateway) else ()
        return LoadedApplication(application, lifespan, pools, sockets, (), controllables)
    # What is larger than Config.limit_request_body does not come this far, whoever it is for.
    policy = BodyPolicy(buffer=config.wsgi_buffer, limit=0)
    gateway = Gateway(targets, pool=pools[""], pools=pools, sockets=sockets, body_policy=policy)
    lifespan, routes = gateway.lifespan(config.lifespan), gateway.routes()
    return LoadedApplication(gateway, lifespan, pools, sockets, routes, gateway.controllables())


def _check_two_lanes(name: str, config: Config, targets: Sequence[Target]) -> None:
    """Refuse what needs two lanes where there are none, or where nobody could ask what came of it."""
    if not any(isinstance(each.application, TwoLanes) for each in targets):
        raise ConfigError(f"{name}: nothing is served on two lanes; --django serves a Django project on them")
    if not config.controlled:
        seen = "what is seen" if name == "observe" else "what came of it"
        raise ConfigError(f"{name}: {seen} is asked for at the control socket, and control is none")


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
    return adapted(targets, config)


def _make_pools(config: Config) -> dict[str, ThreadPool]:
    """Make the pools that the configuration names; their threads start when they are needed."""
    patience = Patience(config.threads_queue_timeout, config.timeout_request, config.limit_stuck_threads)
    pools = {"": ThreadPool(config.threads, queue=config.threads_queue, patience=patience)}
    for name, (threads, queue) in config.pool_sizes.items():
        pools[name] = ThreadPool(threads, queue=queue, name=name, patience=patience)
    return pools
