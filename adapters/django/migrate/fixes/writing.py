"""Writes changed files, each in one step."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hybrid.adapters.django.migrate.fixes.runner import Change


def write(change: Change) -> str:
    """Write one file, with the mode and the owner that it has.

    A file that is no longer what was read is not overwritten, nor is one that has come since.

    Returns:
        Why it was not written, or ``""``.
    """
    try:
        if _now(change.path) != change.before:
            return "the file has changed meanwhile"
        _replace(change)
    except OSError as error:
        return f"it cannot be written: {error.strerror or error}"
    return ""


def _now(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace(change: Change) -> None:
    """Write beside the file, and put that in its place: nobody ever reads half of it."""
    path = change.path.resolve()  # a link stays one
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(change.after)
            file.flush()
            os.fsync(file.fileno())
        _take_after(beside, path, existed=change.before is not None)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _take_after(new: Path, old: Path, *, existed: bool) -> None:
    """Give a new file the mode and the owner of the old one; where there is none, those of any new file."""
    if not existed:
        mask = os.umask(0)
        os.umask(mask)
        new.chmod(0o666 & ~mask)
        return
    shutil.copymode(old, new)
    was = old.stat()
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(new, was.st_uid, was.st_gid)
