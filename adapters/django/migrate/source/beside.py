"""Files beside a project that say with what it is served, and of which packages it is made."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybrid.adapters.django.migrate.findings import Place

#: Files that say how a project is served.
DEPLOYMENT: Final = (
    "Procfile",
    "Dockerfile*",
    "docker-compose*.y*ml",
    "compose*.y*ml",
    "*.service",
    "uwsgi.ini",
)
_SCRIPTS: Final = ("*entrypoint*.sh", "*start*.sh", "*run*.sh", "supervisord.conf", "supervisor.conf")
#: Folders in which projects keep such files.
_FOLDERS: Final = ("", "deploy", "deployment", "docker", "compose", "etc", "config", "scripts", "bin")
_REQUIREMENTS: Final = ("requirements*.txt", "requirements/*.txt", "poetry.lock", "uv.lock")
#: Words in the names of lists of packages that nothing is served with.
_OTHERS: Final = re.compile(r"dev|test|doc|lint|ci\b|local|build|typing|mypy", re.IGNORECASE)
_PINNED: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*([0-9][\w.]*)")
_LOCKED: Final = re.compile(r'(name|version)\s*=\s*"([^"]+)"')
_LONGEST: Final = 4_000_000  # bytes of a file that is read
#: What a server is started with, and where it is a word of a command.
_SERVER: Final = re.compile(
    r"(?:^|[\s\"'/=\[])(gunicorn|uvicorn|daphne|hypercorn|granian|uwsgi|hybrid)(?=[\s\"',])"
)

_INSTALLS: Final = re.compile(r"\b(?:add|install|uninstall|upgrade)\b")


@dataclass(frozen=True)
class Command:
    """How a server is started.

    Attributes:
        server: its name.
        words: what comes behind it, with ``--option=value`` taken apart.
        shown: the file, and ``line`` in it.
    """

    server: str
    words: tuple[str, ...]
    shown: str
    line: int

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.shown, self.line, self.line, Path(self.shown).name)

    def value(self, *options: str) -> str | None:
        """Return what an option is given; None without it. Of an option without a value it is ``""``."""
        for number, word in enumerate(self.words):
            if word in options:
                after = self.words[number + 1] if number + 1 < len(self.words) else ""
                return "" if after.startswith("-") else after
        return None


@dataclass(frozen=True)
class Pin:
    """A package of which exactly one version is asked for."""

    name: str
    version: str
    shown: str
    line: int


def commands_beside(root: Path) -> Iterator[Command]:
    """Give the servers that are started in the files beside a project: several times where several are."""
    for path in _files(root, (*DEPLOYMENT, *_SCRIPTS)):
        for number, line in _joined(_lines(path)):
            found = None if line.lstrip().startswith(("#", "//")) else _SERVER.search(line)
            if found and not _INSTALLS.search(line[: found.start()]):
                words = tuple(filter(None, re.split(r"[\s=\"',\[\]]+", line[found.end() :])))
                if words:  # otherwise it is the name of something
                    yield Command(found[1], words, _shown(path, root), number)


def lines_of(root: Path, *patterns: str) -> Iterator[tuple[str, int, str]]:
    """Give the lines of files beside a project: the file as it is shown, the number, and the text."""
    for path in _files(root, patterns):
        for number, line in enumerate(_lines(path), 1):
            yield _shown(path, root), number, line


def pins_beside(root: Path) -> Iterator[Pin]:
    """Give the versions that lists of packages, and lock files, name; those for tests and the like aside."""
    for pattern in _REQUIREMENTS:
        for path in sorted(root.glob(pattern)):
            if not _OTHERS.search(path.name):
                read = _of_lock if path.suffix == ".lock" else _of_requirements
                for name, version, number in read(_lines(path)):
                    plain = re.sub(r"[-_.]+", "-", name).lower()
                    yield Pin(plain, version, _shown(path, root), number)


def _of_requirements(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    for number, line in enumerate(lines, 1):
        found = _PINNED.match(line)
        if found:
            yield found[1], found[2], number


def _of_lock(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    name = ""
    for number, line in enumerate(lines, 1):
        found = _LOCKED.match(line)
        if found and found[1] == "name":
            name = found[2]
        elif found and name:
            yield name, found[2], number
            name = ""


def _files(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for folder in _FOLDERS:
        if (root / folder).is_dir():
            yield from sorted({path for each in patterns for path in (root / folder).glob(each)})


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines() if path.stat().st_size < _LONGEST else []
    except OSError:
        return []


def _joined(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Give lines that end in a backslash as one with what follows."""
    began, text = 0, ""
    for number, line in enumerate(lines, 1):
        began = began or number
        text += line
        if text.endswith("\\"):
            text = text[:-1]
            continue
        yield began, text
        began, text = 0, ""


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
