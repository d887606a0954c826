"""From what the configuration names to what the server runs: the application, its lifespan, its threads, its
routes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from hybrid.bridge.gateway import Gateway, Route, Target, load_targets
from hybrid.bridge.lifespan import Lifespan
from hybrid.bridge.targets import add_app_dir
from hybrid.bridge.types import ASGIApp, Resolver
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.config import Config


@dataclass(frozen=True)
class LoadedApplication:
    """What a server runs.

    Attributes:
        application: what requests are given to.
        lifespan: what is started before the first request and stopped after the last.
        pool: the threads of its WSGI applications.
        routes: the table to print; empty for a router that was built by hand.
    """

    application: ASGIApp
    lifespan: Lifespan
    pool: ThreadPool
    routes: Sequence[Route] = ()


def load_application(config: Config) -> LoadedApplication:
    """Import and wrap what the configuration names.

    Raises:
        LoadError: a target cannot be loaded.
        InterfaceError: an object is no application.
    """
    pool = ThreadPool(config.threads)
    if isinstance(config.app, Resolver):
        application = cast("ASGIApp", config.app)
        return LoadedApplication(application, Lifespan([application], config.lifespan), pool)
    if config.targets is None:
        targets = [Target(config.app)]
    else:
        add_app_dir(str(config.app_dir))
        targets = load_targets(config.targets)
    gateway = Gateway(targets, pool=pool)
    return LoadedApplication(gateway, gateway.lifespan(config.lifespan), pool, gateway.routes())
