"""Unified diffs, taken apart into what is to be taken out and what is to be put there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_NO_FILE: Final = "/dev/null"


@dataclass(frozen=True)
class Replacement:
    """Lines that take the place of others.

    Attributes:
        file: as the diff names it, without ``a/`` or ``b/``.
        line: of the first line that goes, or before which something is put; lines begin with 1.
        count: how many lines go.
        text: what is put there, with its line ends.
    """

    file: str
    line: int
    count: int
    text: str


@dataclass
class _Reader:
    """Where in a diff one is.

    Attributes:
        line: the next line of the old file.
        old, new: how many lines of both files the hunk has yet to show.
        begin, added: the change that is being read: where it begins, and what is put there.
    """

    file: str = ""
    line: int = 0
    old: int = 0
    new: int = 0
    begin: int = 0
    added: list[str] = field(default_factory=list[str])

    def read(self, line: str) -> Iterator[Replacement]:
        """Read one line, and give the change that ends before it, if one does."""
        if self.old or self.new or line.startswith("\\"):
            yield from self._read_body(line)
            return
        yield from self.done()
        if line.startswith(("--- ", "+++ ")):
            name = line[4:].split("\t", maxsplit=1)[0].rstrip("\n")
            self.file = self.file if name == _NO_FILE else re.sub(r"^[ab]/", "", name)
        elif found := _HUNK.match(line):
            start, self.old, self.new = (int(each or 1) for each in found.groups())
            self.line = self.begin = start if self.old else start + 1  # an empty range names the line before

    def _read_body(self, line: str) -> Iterator[Replacement]:
        match line[0]:
            case "-":
                self.line, self.old = self.line + 1, self.old - 1
            case "+":
                self.added.append(line[1:])
                self.new -= 1
            case "\\":  # the line before has no line end
                self.added[-1:] = [each.rstrip("\n") for each in self.added[-1:]]
            case _:
                yield from self.done()
                self.line, self.old, self.new = self.line + 1, self.old - 1, self.new - 1
                self.begin = self.line

    def done(self) -> Iterator[Replacement]:
        """Give the change that was being read, if there is one."""
        if self.added or self.line > self.begin:
            yield Replacement(self.file, self.begin, self.line - self.begin, "".join(self.added))
        self.begin, self.added = self.line, []


def replacements(patch: str) -> list[Replacement]:
    """Return what a unified diff does, in its order; nothing where it is none."""
    found: list[Replacement] = []
    reader = _Reader()
    for line in _LINES.findall(patch):
        found.extend(reader.read(line))
    return [*found, *reader.done()]
