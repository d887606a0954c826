"""All modules of a project that are read."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from hybrid.adapters.django.migrate.findings import Place
from hybrid.adapters.django.migrate.source.definitions import Definitions
from hybrid.adapters.django.migrate.source.module import Function, SourceModule, read_module

#: Directories in which nothing of a project's own is.
_SKIPPED: Final = {"node_modules", "site-packages", "__pycache__", "venv", "env", ".venv", ".git", ".tox"}

_SCRIPTS: Final = {"commands", "migrations", "scripts"}
_TESTS: Final = {"test", "tests", "testing"}
_TEST_FILES: Final = {"tests.py", "conftest.py"}


@dataclass(frozen=True)
class Unread:
    """A file that could not be read, and why."""

    file: str
    error: str
    line: int = 0


@dataclass
class Sources:
    """The modules of a project, by name and by file.

    Attributes:
        root: the project's directory; files in it are named from there.
        modules: in the order of their files.
        unread: what could not be read.
    """

    root: Path
    modules: list[SourceModule] = field(default_factory=list[SourceModule])
    unread: list[Unread] = field(default_factory=list[Unread])
    _by_name: dict[str, SourceModule] = field(default_factory=dict[str, SourceModule], repr=False)
    _by_path: dict[Path, SourceModule] = field(default_factory=dict[Path, SourceModule], repr=False)

    @property
    def lines(self) -> int:
        """How many lines were read."""
        return sum(each.text.count("\n") for each in self.modules)

    @cached_property
    def definitions(self) -> Definitions:
        """What the modules define. Ask once all of them have been read."""
        return Definitions(self.modules)

    def module(self, name: str) -> SourceModule | None:
        """Return a module by its dotted name."""
        return self._by_name.get(name)

    def at(self, file: str | Path) -> SourceModule | None:
        """Return a module by its file, absolute."""
        return self._by_path.get(Path(file))

    def shown(self, path: Path) -> str:
        """Return how reports name a file."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def find(self, dotted: str) -> "tuple[SourceModule, str] | None":
        """Return the module that a dotted name is in, and the rest of the name:
        ``shop.views.Cart.get`` → the module ``shop.views``, ``Cart.get``.
        """
        name = dotted
        while name:
            found = self._by_name.get(name)
            if found is not None:
                return found, dotted[len(name) + 1 :]
            name = name.rpartition(".")[0]
        return None

    def function(self, dotted: str) -> "tuple[SourceModule, Function] | None":
        """Return a function, or a method, by its dotted name."""
        found = self.definitions.function(dotted)
        return None if found is None else (found.module, found.node)

    def is_test(self, module: SourceModule) -> bool:
        """Tell whether a module is a test, or support of tests, by where it is."""
        *folders, file = Path(self.shown(module.path)).parts
        in_tests = any(each in _TESTS for each in folders)
        return in_tests or file in _TEST_FILES or (file.startswith("test_") or file.endswith("_test.py"))

    def is_script(self, module: SourceModule) -> bool:
        """Tell whether a module is a command, a migration or a script, which no server runs."""
        folders = module.path.parts[-3:-1]
        return bool(_SCRIPTS.intersection(folders)) or module.path.name == "manage.py"

    def place(self, file: str, line: int, symbol: str = "") -> Place:
        """Return the place that importing has shown: of a definition that begins there, all of it.

        The file is absolute; ``symbol`` is what to call it, unless the source says otherwise.
        """
        module = self.at(file)
        if module is None:
            return Place(self.shown(Path(file)) if file else "", line, line, symbol)
        found = module.defined_at(line)
        return Place(module.shown, line, line, symbol) if found is None else module.place(found)

    def add(self, path: Path, name: str) -> None:
        """Read one file, unless that has been done."""
        if path in self._by_path:
            return
        try:
            module = read_module(path, name, self.shown(path))
        except SyntaxError as error:
            self.unread.append(Unread(self.shown(path), error.msg, error.lineno or 0))
        except OSError as error:
            self.unread.append(Unread(self.shown(path), error.strerror or str(error)))
        except (ValueError, RecursionError) as error:
            self.unread.append(Unread(self.shown(path), str(error)))
        else:
            self.modules.append(module)
            self._by_name.setdefault(name, module)
            self._by_path[path] = module


def read_sources(root: Path, paths: Iterable[Path], names: Mapping[str, str] | None = None) -> Sources:
    """Read all Python files below some paths.

    Args:
        root: the project's directory.
        paths: directories and files.
        names: the dotted names of files that are known, by their absolute path.
    """
    sources = Sources(root.resolve())
    known = names or {}
    for path in paths:
        for file in _python_files(path.resolve()):
            sources.add(file, known.get(str(file)) or module_name(file))
    return sources


def module_name(file: Path) -> str:
    """Return the dotted name by which a file is imported, as far as its packages tell."""
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def _python_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(
            each for each in folders if each not in _SKIPPED and not _is_environment(folder, each)
        )
        yield from (Path(folder, each) for each in sorted(files) if each.endswith(".py"))


def _is_environment(folder: str, name: str) -> bool:
    return os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118 - for each directory
