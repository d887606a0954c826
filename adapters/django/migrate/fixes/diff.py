"""What changes in files, as a unified diff that ``git apply`` and ``patch`` take."""

import difflib
from collections.abc import Iterable
from typing import Final

from hybrid.adapters.django.migrate.fixes.runner import Change

_LINES_AROUND: Final = 3
#: A code page in which every byte is a character: files may be in any encoding, or in several.
_BYTES: Final = "latin-1"


def unified(changes: Iterable[Change]) -> bytes:
    """Return all changes as one diff, in the bytes of the files; names are from the project's directory."""
    return b"".join(map(diff_of, changes))


def diff_of(change: Change) -> bytes:
    """Return the diff of one file."""
    lines = difflib.unified_diff(
        _lines(change.before or b""),
        _lines(change.after),
        "/dev/null" if change.before is None else _name("a", change.shown),
        _name("b", change.shown),
        n=_LINES_AROUND,
    )
    return b"".join(_ended(each) for each in lines)


def _name(side: str, shown: str) -> str:
    """Return a name for the head of a diff; behind one with spaces a tab says where it ends."""
    name = f"{side}/{shown}".encode(errors="surrogateescape").decode(_BYTES)
    return f"{name}\t" if " " in name else name


def _lines(raw: bytes) -> list[str]:
    """Return lines with their ends: those of git, for which a form feed ends nothing."""
    text = raw.decode(_BYTES)
    lines = [f"{each}\n" for each in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return [each for each in lines if each]


def _ended(line: str) -> bytes:
    """Return a line of the diff; where the file has no line end, git wants to be told."""
    ended = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
    return ended.encode(_BYTES)
