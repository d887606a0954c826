"""What has been changed about lanes since the server was started, in a file that all its processes share."""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

from hybrid.adapters.django.lanes.change import Change
from hybrid.bridge.control import ControlError

logger = logging.getLogger("hybrid.django")

#: The journal's name in the directory that the processes of a server share.
NAME: Final = "lanes.jsonl"
#: Changes that a journal has before it is shortened, and the latest ones that it keeps then.
MOST: Final = 1000
KEPT: Final = 500

#: Seconds that somebody else may hold the journal, which takes a millisecond unless he has been stopped.
_PATIENCE: Final = 5.0
_PAUSE: Final = 0.01


class Journal:
    """The changes of a server, numbered, oldest first. Loop thread only.

    In a file each is a line of JSON, appended under a lock (flock), so that all processes agree which came
    first. A line that is not complete is not read; what somebody has left behind half-written is skipped.

    It is bounded: with more than :data:`MOST` changes the file is replaced by one with the latest
    :data:`KEPT`, and those before that still count.

    Files are read and written on the loop: they are small, local, and seldom changed.

    Args:
        path: the file, made with the first change; without one, changes are kept in memory alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._changes: list[Change] = []
        self._inode = self._place = 0

    def __repr__(self) -> str:
        return f"<Journal {self._path or 'in memory'}, {len(self._changes)} changes>"

    @property
    def changes(self) -> Sequence[Change]:
        """What is known of them here, oldest first."""
        return self._changes

    def has_grown(self) -> bool:
        """Tell whether the file has something that has not been read yet: one look at its size."""
        if self._path is None:
            return False
        try:
            found = self._path.stat()
        except OSError:
            return False
        return (found.st_ino, found.st_size) != (self._inode, self._place)

    async def restore(self) -> None:
        """Write the file again if somebody has removed it, for processes that have yet to be started."""
        if self._path is not None and self._changes and not self._path.exists():
            with contextlib.suppress(ControlError):  # its directory is not there either, yet
                await self.append(lambda _: None)

    def read(self) -> None:
        """Read what others have added.

        Raises:
            OSError: the file is there and cannot be read.
        """
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
                self._take(file.fileno())

    async def append(self, decide: Callable[[Sequence[Change]], Change | None]) -> Change | None:
        """Add a change.

        Args:
            decide: is given those there are, and returns the next one, or None for none after all. Nobody
                adds another one in between.

        Raises:
            ControlError: the file cannot be written, or somebody holds it for too long; or of ``decide``.
        """
        if self._path is None:
            return self._add(decide)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        while True:
            try:
                with _locked(self._path) as descriptor:
                    return self._append(self._path, descriptor, decide)
            except BlockingIOError:
                if loop.time() > deadline:
                    raise ControlError(f"{self._path}: another process does not let go of it") from None
            except OSError as error:
                raise ControlError(f"{self._path}: {error.strerror}") from error
            await asyncio.sleep(_PAUSE)

    def _append(
        self, path: Path, descriptor: int, decide: Callable[[Sequence[Change]], Change | None]
    ) -> Change | None:
        self._take(descriptor)
        if not os.fstat(descriptor).st_size:  # a new one; the one before has perhaps been removed
            _write(descriptor, b"".join(map(_line, self._changes)))
            self._take(descriptor)
        if os.fstat(descriptor).st_size > self._place:  # a line of a process that has ended while it wrote
            _write(descriptor, b"\n")
            self._take(descriptor)
        change = decide(self._changes)
        if change is not None:
            _write(descriptor, _line(change))
            self._take(descriptor)
            if len(self._changes) > MOST:
                self._shorten(path)
        return change

    def _add(self, decide: Callable[[Sequence[Change]], Change | None]) -> Change | None:
        change = decide(self._changes)
        if change is not None:
            self._changes.append(change)
            if len(self._changes) > MOST:
                self._changes = _that_count(self._changes)
        return change

    def _take(self, descriptor: int) -> None:
        """Read the complete lines that are new; all of them where the file is another one."""
        found = os.fstat(descriptor)
        if found.st_ino == self._inode and self._place <= found.st_size:
            new = self._read_on(descriptor, found.st_size)
            if not new or new[0].number == self._following:
                self._changes += new
                return
        # Another file, or one with the inode of another that is gone.
        self._inode, self._place = found.st_ino, 0
        if found.st_size:
            self._changes = self._read_on(descriptor, found.st_size)

    @property
    def _following(self) -> int:
        return self._changes[-1].number + 1 if self._changes else 1

    def _read_on(self, descriptor: int, size: int) -> list[Change]:
        read = os.pread(descriptor, size - self._place, self._place)
        complete = read[: read.rfind(b"\n") + 1]
        self._place += len(complete)
        return list(_parsed(complete))

    def _shorten(self, path: Path) -> None:
        """Put a file with fewer changes in the place of the one that is locked."""
        beside = path.with_suffix(".new")
        try:
            beside.unlink(missing_ok=True)
            with open(beside, "xb", opener=_private) as file:
                file.write(b"".join(map(_line, _that_count(self._changes))))
            beside.replace(path)
        except OSError as error:  # the next change tries again
            logger.warning("lanes: the journal is long, and cannot be shortened: %s", error.strerror)
        else:
            self.read()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _that_count(changes: Sequence[Change]) -> list[Change]:
    """Return the latest changes, and of those before the last one of each name for which the configuration
    does not count any more.
    """
    last = {change.view: change.number for change in changes}
    before, latest = changes[:-KEPT], changes[-KEPT:]
    return [*(each for each in before if last[each.view] == each.number and each.rule != "file"), *latest]


def _parsed(lines: bytes) -> Iterator[Change]:
    for line in filter(None, lines.split(b"\n")):
        try:
            yield Change.from_json(json.loads(line))
        except (KeyError, TypeError, ValueError):
            logger.warning("lanes: a line of the journal is no change, and is skipped: %r", line[:100])


def _line(change: Change) -> bytes:
    return json.dumps(change.to_json(), separators=(",", ":")).encode() + b"\n"


def _write(descriptor: int, data: bytes) -> None:
    """Append all of it, or nothing."""
    size = os.fstat(descriptor).st_size
    try:
        written = 0
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        os.ftruncate(descriptor, size)
        raise


@contextlib.contextmanager
def _locked(path: Path) -> Generator[int]:
    """Open a file, which is made if it is not there, and have it alone.

    Raises:
        BlockingIOError: somebody else has it, or has just put another one in its place.
        OSError: it cannot be opened.
    """
    import fcntl  # not there on Windows, where no server has a journal in a file

    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(path, descriptor):
            raise BlockingIOError
        yield descriptor
    finally:
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
