"""Where findings are, for formats that show source or name files for other programs."""

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote

from hybrid.adapters.django.migrate.findings import Place

_AROUND: Final = 2  # lines of context
_MOST: Final = 7  # lines of a place that are shown
_TOO_LARGE: Final = 5_000_000  # bytes, of a file that no person has written


@dataclass(frozen=True)
class Line:
    """One line of source.

    Attributes:
        marked: whether it is part of the place.
    """

    number: int
    text: str
    marked: bool


class Texts:
    """The source of a project, read as it is asked for; a file that cannot be read has no lines."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines: dict[str, list[str]] = {}

    def line(self, place: Place) -> str:
        """Return the first line of a place, with one space where there are several; ``""`` without one."""
        lines = self._of(place.file)
        return " ".join(lines[place.line - 1].split()) if 0 < place.line <= len(lines) else ""

    def excerpt(self, place: Place) -> tuple[Line, ...]:
        """Return the lines of a place, and some around it, without the indentation that all of them have."""
        lines = self._of(place.file)
        if not 0 < place.line <= len(lines):
            return ()
        last = min(max(place.line, place.end_line), place.line + _MOST - 1, len(lines))
        numbers = range(max(1, place.line - _AROUND), min(last + _AROUND, len(lines)) + 1)
        shown = [
            Line(number, lines[number - 1].expandtabs(4).rstrip(), place.line <= number <= last)
            for number in numbers
        ]
        cut = min((len(each.text) - len(each.text.lstrip()) for each in shown if each.text), default=0)
        return tuple(replace(each, text=each.text[cut:]) for each in _without_blank_ends(shown))

    def _of(self, file: str) -> list[str]:
        if file not in self._lines:
            self._lines[file] = _read(self._root / file) if file else []
        return self._lines[file]


def _without_blank_ends(lines: list[Line]) -> list[Line]:
    told = [index for index, each in enumerate(lines) if each.text or each.marked]
    return lines[told[0] : told[-1] + 1]


def _read(path: Path) -> list[str]:
    """Return the lines as ``ast`` counts them: a form feed, say, ends none."""
    try:
        if path.stat().st_size > _TOO_LARGE:
            return []
        return path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except (OSError, ValueError):
        return []


class Addresses:
    """Names files by URIs: those of the project from its repository, as who shows them knows it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def base(self) -> Path:
        """The directory of the repository that the project is in; without one, the project's own."""
        around = (self._root, *self._root.parents)
        return next((each for each in around if (each / ".git").exists()), self._root)

    def uri(self, file: str) -> tuple[str, bool]:
        """Return the URI of a file, and whether it is relative to :attr:`base`."""
        path = self._root / file
        if path.is_relative_to(self.base):
            return quote(os.fsencode(path.relative_to(self.base).as_posix())), True
        return path.as_uri(), False
