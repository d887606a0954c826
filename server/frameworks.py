"""Applications of which there is more to know than how they are called, and who knows it.

The server knows no framework, nor who does: ``hybrid.FRAMEWORKS`` says that, and is asked only where a
framework is there. Nothing is imported for anybody else.
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol, cast

import hybrid
from hybrid.bridge.gateway import Target
from hybrid.bridge.types import ThreadedApplication
from hybrid.server.config import Config
from hybrid.server.config.static import StaticMount
from hybrid.server.ops.metrics.route_tally import RouteFinder

logger = logging.getLogger("hybrid.server")


class Adapter(Protocol):
    """What the module that knows a framework has."""

    def load(self, config: Config, targets: Sequence[Target]) -> list[Target]:
        """Return the project that a configuration names by what it is called in the framework, and after it
        the targets that are no part of it.

        Raises:
            LoadError: it cannot be loaded, or a target has its place.
        """
        ...

    def adapt(self, targets: Sequence[Target], config: Config) -> list[Target]:
        """Return targets, of which some are the framework's, as they should be served.

        Raises:
            LoadError: what is to be made of them cannot be.
        """
        ...

    def static_mounts(self, targets: Sequence[Target], config: Config) -> list[StaticMount]:
        """Return where the static files of the framework's project are.

        Raises:
            ConfigError: there is no project, or its settings name none.
        """
        ...

    def loaded(self, config: Config) -> None:
        """Fit in with what the applications, which have just been loaded, have set up.

        Raises:
            ConfigError: it cannot work with the configuration.
        """
        ...


class Router(Protocol):
    """What the module has that knows the routes of a framework's applications."""

    def finder(self, framework: str, application: object) -> RouteFinder:
        """Return what finds the routes of an application."""
        ...


def route_finder(application: object) -> RouteFinder | None:
    """Return what finds the routes of an application that has some of its own; None where nobody knows."""
    if isinstance(application, ThreadedApplication):
        application = getattr(application, "app", application)
    for framework in hybrid.ROUTERS:
        if framework in sys.modules and _is_of(framework, application):
            router = cast("Router", import_module(hybrid.ROUTERS[framework]))
            try:
                return router.finder(framework, application)
            except Exception:  # what is in an application may be anything, and it is served all the same
                logger.exception("the requests of %r are not counted by route", application)
                return None
    return None


def adapted(targets: Sequence[Target], config: Config) -> list[Target]:
    """Return the targets as those who know their frameworks want them served, after the projects that the
    configuration names by what they are called there.
    """
    result = list(targets) if config.django is None else _adapter("django").load(config, targets)
    for framework in _present():
        if any(_is_of(framework, each.application) for each in targets):
            result = _adapter(framework).adapt(result, config)
    return result


def django_static_mounts(targets: Sequence[Target], config: Config) -> list[StaticMount]:
    """Return where the static files of the Django project among targets are, if they are to be served.

    Raises:
        ConfigError: there is no project, or its settings name none.
    """
    return _adapter("django").static_mounts(targets, config) if config.django_static else []


def fit_in(config: Config) -> None:
    """Fit in with the frameworks of applications that have just been loaded."""
    for framework in _present():
        _adapter(framework).loaded(config)


def _present() -> Iterator[str]:
    return (each for each in hybrid.FRAMEWORKS if each in sys.modules)


def _adapter(framework: str) -> Adapter:
    return cast("Adapter", import_module(hybrid.FRAMEWORKS[framework]))


def _is_of(framework: str, application: object) -> bool:
    return any(each.__module__.startswith(f"{framework}.") for each in type(application).__mro__)
