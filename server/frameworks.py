"""Applications of which there is more to know than how they are called, and who knows it.

The server knows no framework, nor who does: ``hybrid.FRAMEWORKS`` says that, and is asked only where a
framework is there. Nothing is imported for anybody else.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol, cast

import hybrid
from hybrid.bridge.gateway import Target
from hybrid.server.config import Config


class Adapter(Protocol):
    """What the module that knows a framework has."""

    def load(self, config: Config) -> Target:
        """Return the project that a configuration names by what it is called in the framework.

        Raises:
            LoadError: it cannot be loaded.
        """
        ...

    def adapt(self, targets: Sequence[Target], config: Config) -> list[Target]:
        """Return targets, of which some are the framework's, as they should be served.

        Raises:
            LoadError: what is to be made of them cannot be.
        """
        ...

    def loaded(self, config: Config) -> None:
        """Fit in with what the applications, which have just been loaded, have set up.

        Raises:
            ConfigError: it cannot work with the configuration.
        """
        ...


def named(config: Config) -> list[Target]:
    """Return the projects that a configuration names by what they are called in their framework."""
    return [] if config.django is None else [_adapter("django").load(config)]


def adapted(targets: Sequence[Target], config: Config) -> list[Target]:
    """Return the targets as those who know their frameworks want them served."""
    result = list(targets)
    for framework in _present():
        if any(_is_of(framework, each.application) for each in targets):
            result = _adapter(framework).adapt(result, config)
    return result


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
