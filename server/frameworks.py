"""Applications of which there is more to know than how they are called, and who knows it.

The server knows no framework. It knows who does, by name, and asks only where such an application is served,
or is asked for: nothing of a framework is imported for anybody else.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from hybrid.bridge.gateway import Target
from hybrid.server.config import Config

#: By the package that the classes of the applications are from.
_KNOWN: Final = {"django": "hybrid.adapters.django.lanes.project"}


def named(config: Config) -> list[Target]:
    """Return the projects that a configuration names by what they are called in their framework.

    Raises:
        LoadError: one cannot be loaded.
    """
    if config.django is None:
        return []
    adapter: Any = import_module(_KNOWN["django"])
    return [adapter.load(config)]


def adapted(targets: Sequence[Target], config: Config) -> list[Target]:
    """Return the targets as those who know their frameworks want them served.

    Raises:
        LoadError: what is to be made of them cannot be.
    """
    result = list(targets)
    for framework, name in _KNOWN.items():
        if framework in sys.modules and any(_is_of(framework, each.application) for each in targets):
            adapter: Any = import_module(name)
            result = adapter.adapt(result, config)
    return result


def _is_of(framework: str, application: object) -> bool:
    return any(each.__module__.startswith(f"{framework}.") for each in type(application).__mro__)
