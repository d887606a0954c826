"""Where the processes of one machine meet: a socket, and beside it a lock that says who is the broker.

Whoever has the lock is the broker. The system takes it from a process that ends, however it ends, so there is
nothing to clean up and nobody to ask.
"""

import contextlib
import fcntl
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from hybrid.bridge.errors import HybridError
from hybrid.bridge.unix.folders import NotOurs
from hybrid.bridge.unix.forks import close_in_children, forget, silence
from hybrid.bridge.unix.sockets import MAX_PATH

#: The environment variable in which a server tells its workers, and what they start, where they meet.
VARIABLE: Final = "HYBRID_WORKERS_SOCKET"

_PREFIX: Final = "hybrid-"
_SOCKET: Final = "layer.sock"
_PRIVATE: Final = re.compile(rf"{_PREFIX}[0-9a-f]{{16}}/{re.escape(_SOCKET)}")


def private_place(folder: str | None = None) -> str:
    """Return the path of a socket in a folder that is to be made, by whoever is the first broker there, for
    its user alone.

    Args:
        folder: where that folder is to be; by default where the system keeps the user's sockets, if it does.
    """
    place = f"{_PREFIX}{secrets.token_hex(8)}/{_SOCKET}"
    for each in (folder, os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir()):
        if each and len(os.fsencode(path := f"{each}/{place}")) <= MAX_PATH and os.access(each, os.W_OK):
            return path
    return f"/tmp/{place}"  # noqa: S108 - nobody can guess the name before there is a folder of mode 0700


def offer_place(folder: str | None = None) -> str:
    """Let the processes that this one starts meet in a private place, unless they have one; return its path.

    Whoever calls this calls :func:`remove_private_place` in the end.
    """
    path = os.environ.get(VARIABLE) or private_place(folder)
    os.environ[VARIABLE] = path
    return path


def remove_private_place(path: str) -> None:
    """Remove what there is in a private place, unless a broker is at work there.

    A place that was not made by :func:`private_place` is left alone.
    """
    place = Path(path)
    if not _PRIVATE.fullmatch(f"{place.parent.name}/{place.name}"):
        return
    seat = Seat(place)
    with contextlib.suppress(HybridError, OSError):  # it is not there, as nobody has used it
        if seat.claim():
            for each in (place, state_of(place)):
                each.unlink(missing_ok=True)
            seat.give_up()
            place.parent.rmdir()


def state_of(place: Path) -> Path:
    """Return the file in which a broker leaves its state to the next one."""
    return place.with_name(f"{place.name}.state")


class Seat:
    """The broker's place, for one process at a time.

    Args:
        place: the path of the socket.
    """

    def __init__(self, place: Path) -> None:
        self.lock = place.with_name(f"{place.name}.lock")
        self._descriptor: int | None = None

    def __repr__(self) -> str:
        return f"<Seat {self.lock} {'free' if self._descriptor is None else 'ours'}>"

    @property
    def is_kept(self) -> bool:
        """Whether the lock that this process has is the one that others would find."""
        if self._descriptor is None:
            return False
        try:
            there, found = self.lock.lstat(), os.fstat(self._descriptor)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)

    def claim(self) -> bool:
        """Take the seat if it is free; the lock's file then has this process's id.

        Raises:
            NotOurs: the lock is no file of this user's.
            OSError: it cannot be opened.
        """
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid()):
                raise NotOurs(f"{self.lock} belongs to somebody else, or is no file")
            if not self._lock(descriptor, found):
                os.close(descriptor)
                return False
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        # A child process would keep the lock when this one is gone.
        close_in_children(descriptor)
        return True

    def give_up(self) -> None:
        """Let somebody else have it. The file goes: nobody needs it, and who has opened it sees that."""
        if self._descriptor is not None:
            if self.is_kept:
                with contextlib.suppress(OSError):
                    self.lock.unlink()
            forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def abandon(self) -> None:
        """Let go of the lock, in a child process, and leave the file."""
        if self._descriptor is not None:
            forget(self._descriptor)
            silence(self._descriptor)

    def _lock(self, descriptor: int, found: os.stat_result) -> bool:
        """Lock the file, and look whether it is still the one that others would open."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = self.lock.lstat()
        except (BlockingIOError, FileNotFoundError):
            return False
        return (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)
