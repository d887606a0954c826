"""What an audit looks at: what importing the project shows, and which of its files are read."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.source.sources import Sources, read_sources

#: The levels of ``--level``.
LEVELS: Final = ("static", "import")
#: What directories of installed packages are called.
INSTALLED: Final = {"site-packages", "dist-packages"}


@dataclass(frozen=True)
class Asked:
    """What an audit is asked for.

    Attributes:
        src: what to read; empty for the project's own packages.
        levels: some of :data:`LEVELS`.
        third_party: how much is said of other packages: ``names``, ``summary`` or ``full``.
    """

    src: tuple[Path, ...] = ()
    levels: tuple[str, ...] = LEVELS
    third_party: str = "summary"


def project_directory(facts: Facts) -> Path:
    """Return the directory that files are named from: the working one, or BASE_DIR outside of that."""
    here = Path.cwd()
    base = Path(facts.base_dir).resolve() if facts.base_dir else here
    return base if not base.is_relative_to(here) else here


def read_project(facts: Facts, src: Iterable[Path]) -> Sources:
    """Read the project's own source.

    That is what ``src`` names; or the packages that importing has found, their neighbours at the top of the
    project, and whatever else was imported; or, without that, all Python below the project's directory.
    """
    root = project_directory(facts)
    names = {file: name for name, file in facts.modules.items()}
    named = [*src]
    if named:
        return read_sources(root, named, names)
    if not facts.modules or facts.failures:
        return read_sources(root, [_all_of_it(root, facts)], names)
    apps = [Path(facts.apps[each]) for each in facts.first_party if each in facts.apps]
    packages = [_top_package(Path(file)) for file in facts.modules.values() if _exists(file)]
    return read_sources(root, [*_unique([*apps, *packages]), *sorted(root.glob("*.py"))], names)


def read_package(root: Path, folders: Iterable[Path]) -> Sources:
    """Read packages that are not the project's."""
    return read_sources(root, [each for each in folders if each.is_dir()])


def _all_of_it(root: Path, facts: Facts) -> Path:
    """Return what is read where importing has not shown what belongs to a project: its directory; but of the
    directory of everything that is installed, the package of the settings.
    """
    package = root / facts.settings_module.partition(".")[0]
    return package if root.name in INSTALLED and package.is_dir() else root


def _top_package(file: Path) -> Path:
    """Return the outermost package that a module is in, or the module alone."""
    folder, found = file.parent, file
    while (folder / "__init__.py").exists() and folder != folder.parent:
        folder, found = folder.parent, folder
    return found


def _unique(paths: Iterable[Path]) -> list[Path]:
    """Return paths without those that are below others."""
    kept: list[Path] = []
    for each in sorted({path.resolve() for path in paths}, key=lambda path: len(path.parts)):
        if not any(each.is_relative_to(other) for other in kept):
            kept.append(each)
    return sorted(kept)


def _exists(file: str) -> bool:
    return bool(file) and os.path.exists(file)  # noqa: PTH110 - for each module
