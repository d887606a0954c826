"""Of which framework a project is, and what an audit of such a project is made of.

What is known of a framework is in a module of its own, which is imported for its projects alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report.report import Package
from hybrid.adapters.django.migrate.source.sources import Sources

#: The module of each framework, which has a :class:`Framework` as ``FRAMEWORK``. The first is the default.
_MODULES: Final = {
    "django": "hybrid.adapters.django.migrate.of_django",
    "flask": "hybrid.adapters.flask.migrate.of_flask",
}


@dataclass(frozen=True)
class Framework:
    """What an audit needs to know of a framework.

    Attributes:
        prefix: what the ids of its rules begin with.
        rules: the package whose modules have the checks.
        packages_of: gives the distributions that a project is made with, each with a directory of it.
        everywhere: returns the dotted names of functions that run for every request.
    """

    prefix: str
    rules: str
    packages_of: Callable[[Facts], Iterator[tuple[Package, Path | None]]]
    everywhere: Callable[[Facts], Iterable[str]]


def framework_of(facts: Facts, sources: Sources) -> Framework:
    """Return the framework of a project: as importing has shown, or as its source looks.

    A source that imports Flask, and nothing of Django, is of Flask.
    """
    name = facts.framework or ("django" if facts.settings_module else _by_source(sources))
    found: Framework = import_module(_MODULES[name]).FRAMEWORK
    return found


def _by_source(sources: Sources) -> str:
    names = {
        meant.partition(".")[0]
        for module in sources.modules
        for meant in (*module.imports.values(), *_local(module.index.local_imports.values()))
    }
    return "flask" if "flask" in names and "django" not in names else "django"


def _local(tables: Iterable[dict[str, str]]) -> Iterator[str]:
    return (meant for table in tables for meant in table.values())
