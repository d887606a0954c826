"""Where files are found, and how they are opened: what leads out of a directory is not there."""

import errno
import logging
import os
import stat
from pathlib import Path
from typing import Final, Protocol

from hybrid.bridge.errors import ConfigError

logger = logging.getLogger("hybrid.static")

#: A pipe without a writer must not block the loop, nor a terminal become ours, nor Windows change line ends.
_OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
#: What says that there is no such file: also names that no file can have, links that lead in a circle or must
#: not be followed, and what is there and no file.
_ABSENT: Final = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EMLINK, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ,
    errno.EISDIR, errno.ENXIO, errno.ENODEV)
)  # fmt: skip
_FORBIDDEN: Final = frozenset((errno.EACCES, errno.EPERM))


class NotServed(Exception):
    """A file is not sent.

    Attributes:
        status: what the client is told.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Source(Protocol):
    """Where files are found by their names: ``css/site.css``, without ``..`` and what is hidden."""

    @property
    def follows_links(self) -> bool:
        """Whether what :meth:`find` returns may be a symbolic link."""
        ...

    def find(self, name: str) -> str | None:
        """Return the path of a file or a directory, which need not be there; None when it is not served.

        Raises:
            NotServed: it is certain that it cannot be.
            OSError: nobody can tell.
        """
        ...


class Directory:
    """A directory and all below it: a :class:`Source`.

    A symbolic link is followed as far as it stays below; one that leads out is not there. The directory
    itself may be a link, and may come to lead elsewhere, as when a new version is installed.

    Args:
        path: of the directory.
        links: whether to follow links wherever they lead.

    Raises:
        ConfigError: there is no such directory.
    """

    def __init__(self, path: str | os.PathLike[str], *, links: bool = False) -> None:
        if not Path(path).is_dir():
            raise ConfigError(f'static files: there is no directory "{os.fspath(path)}"')
        self._path = str(Path(path).absolute())
        self.follows_links = links
        self._has_warned = False

    def __repr__(self) -> str:
        return f"<Directory {self._path}>"

    def find(self, name: str) -> str | None:
        """Return the path of a file or a directory, without links, unless all of them are followed."""
        path = self._path
        for part in filter(None, name.split("/")):
            path = f"{path}{os.sep}{part}"
            if not self.follows_links and _is_link(path):
                return self._resolved(name)
        return path

    def _resolved(self, name: str) -> str | None:
        root = os.path.realpath(self._path)
        real = os.path.realpath(os.path.join(root, name))  # noqa: PTH118 - as text: it may be asked for often
        if real == root or real.startswith(root.rstrip(os.sep) + os.sep):
            return real
        if not self._has_warned:
            self._has_warned = True
            logger.warning("static files: %r is not served: it is a link out of %s", name, self._path)
        return None


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except (OSError, ValueError) as error:
        raise _refusal(error) from error


def look_up(path: str) -> os.stat_result:
    """Return what the system knows of a file or directory.

    Raises:
        NotServed: it is not there, or none of both.
        OSError: for another reason than the client's.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - paths are texts here: a Path for each would cost as much again
    except (OSError, ValueError) as error:
        raise _refusal(error) from error
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise NotServed(404)
    return status


def open_file(path: str, *, follow: bool) -> tuple[int, os.stat_result]:
    """Open a regular file; what it is is asked of the open one, as another may have taken its place.

    Returns:
        The descriptor, which is the caller's to close, and what the system knows of the file.

    Raises:
        NotServed: it is not there, no regular file, or not to be read.
        OSError: for another reason than the client's.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS if follow else _OPEN_FLAGS | _NO_LINK)
    except (OSError, ValueError) as error:
        raise _refusal(error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotServed(404)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def read_file(descriptor: int, size: int) -> bytes:
    """Read a file from its beginning; less than its size when it has become shorter."""
    parts: list[bytes] = []
    offset = 0
    while offset < size and (data := read_at(descriptor, size - offset, offset)):
        parts.append(data)
        offset += len(data)
    return b"".join(parts)


def read_at(descriptor: int, count: int, offset: int) -> bytes:
    """Read a part of a file, at most so many bytes; any thread, but one at a time."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)  # Windows; nobody else reads from this descriptor
    return os.read(descriptor, count)


def _refusal(error: OSError | ValueError) -> Exception:
    """Say what a client is told of an error; what is none of its matters is what it was."""
    if not isinstance(error, OSError):  # a name that cannot be one, as with a lone surrogate
        return NotServed(404)
    if error.errno in _FORBIDDEN:
        return NotServed(403)
    return NotServed(404) if error.errno in _ABSENT else error
