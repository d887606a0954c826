"""A file as the body of a response (PEP 3333, "Optional Platform-Specific File Handling")."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol, Self, cast

#: Bytes of a file that are read at a time.
_PIECE_SIZE: Final = 256 * 1024
_BUFFERED: Final = (io.BufferedReader, io.BufferedRandom)

_PlainFile = io.FileIO | io.BufferedReader | io.BufferedRandom


class FileLike(Protocol):
    """What PEP 3333 asks of a file; ``close()`` is called too where there is one."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most so many; none at the end."""
        ...


class Region(NamedTuple):
    """Bytes of a regular file: where they start, and how many there are. The descriptor is the file's."""

    descriptor: int
    offset: int
    length: int


class FileWrapper:
    """What applications get as ``wsgi.file_wrapper``: an iterable over a file, and the file behind it.

    An application that returns the wrapper itself lets the server send the file without reading it. One that
    wraps it further is served by iterating, as with any other iterable. Werkzeug does that for a part of a
    file, and wants to ``seek()`` first.

    Args:
        filelike: the file, of which everything from its current position on is meant.
        blksize: bytes to read at a time, where it has to be read.

    Attributes:
        limit: bytes that iterating still gives, at most; None for all there are.
    """

    __slots__ = ("blksize", "filelike", "limit")

    def __init__(self, filelike: FileLike, blksize: int = 8192) -> None:
        self.filelike = filelike
        self.blksize = blksize
        self.limit: int | None = None

    def __repr__(self) -> str:
        return f"<FileWrapper {self.filelike!r}>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        size = self.blksize if self.limit is None else min(self.blksize, self.limit)
        data = self.filelike.read(size) if size else b""
        if not data:
            raise StopIteration
        if self.limit is not None:
            self.limit -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        close: Callable[[], object] | None = getattr(self.filelike, "close", None)
        if close is not None:
            close()

    def seekable(self) -> bool:
        """Whether :meth:`seek` works."""
        seekable: Callable[[], bool] | None = getattr(self.filelike, "seekable", None)
        return seekable() if seekable is not None else hasattr(self.filelike, "seek")

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Change the position of the file."""
        return cast("io.BufferedReader", self.filelike).seek(offset, whence)

    def tell(self) -> int:
        """Return the position of the file."""
        return cast("io.BufferedReader", self.filelike).tell()

    def region(self) -> Region | None:
        """Return what iterating would give as a region of a regular file; None when it has to be read."""
        file = _plain_file(self.filelike)
        if file is None or not hasattr(os, "pread"):  # Windows
            return None
        try:
            if not file.readable():
                return None
            status = os.fstat(file.fileno())
            offset = file.tell()
        except (OSError, ValueError):  # a pipe has no position, and a closed file nothing at all
            return None
        length = status.st_size - offset
        if self.limit is not None:
            length = min(length, self.limit)
        if length <= 0 or not stat.S_ISREG(status.st_mode):  # files in /proc say that they are empty
            return None
        return Region(file.fileno(), offset, length)


def read_region(descriptor: int, offset: int, length: int) -> Iterator[bytes]:
    """Read a region in pieces, for who cannot send it otherwise.

    Raises:
        RuntimeError: the file has become shorter.
    """
    end = offset + length
    while offset < end:
        data = os.pread(descriptor, min(_PIECE_SIZE, end - offset), offset)
        if not data:
            raise RuntimeError(f"a file became {end - offset} bytes shorter while it was sent")
        yield data
        offset += len(data)


def _plain_file(filelike: object) -> _PlainFile | None:
    """Return the file whose bytes are what reading ``filelike`` gives, if there is one.

    To have a ``fileno()`` says nothing: a GzipFile has one, and so has whatever passes on the attributes that
    it does not know. What counts is whose ``read()`` it is.
    """
    read: Any = getattr(filelike, "read", None)
    if type(filelike).__module__ == "tempfile":
        read = getattr(read, "__wrapped__", None)  # a named file is wrapped to delay its removal
    owner: object = getattr(read, "__self__", None)
    if type(owner) in _BUFFERED:
        buffered = cast("io.BufferedReader | io.BufferedRandom", owner)
        return buffered if type(buffered.raw) is io.FileIO else None
    return owner if type(owner) is io.FileIO else None
