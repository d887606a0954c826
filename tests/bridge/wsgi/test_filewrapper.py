"""wsgi.file_wrapper: an iterable over a file, and the part of a regular file that may be sent unread."""

import gzip
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from hybrid.bridge.wsgi.filewrapper import FileWrapper

CONTENT = b"0123456789"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file of ten bytes."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


class Reader:
    """A file-like object with no more than PEP 3333 asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Read upper-case letters, so that it matters who reads."""
        return self._file.read(size).upper()


class PassingOn(Reader):
    """One that has all the attributes of its file, `fileno` too, but reads by itself."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Proxy:
    """One that lets its file read, as Django's files do."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.read = file.read


class Progress(io.BufferedReader):
    """A file that does something else while it is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read."""
        return super().read(size)


# The iterable.


@pytest.mark.parametrize("blksize", [1, 3, 10, 8192])
def test_iterates(path: Path, blksize: int) -> None:
    """It reads parts of the block size, to the end."""
    with path.open("rb") as file:
        parts = list(FileWrapper(file, blksize))
    assert b"".join(parts) == CONTENT
    assert {len(part) for part in parts[:-1]} <= {blksize}


@pytest.mark.parametrize("limit", [0, 1, 5, 10, 99])
def test_limit(limit: int) -> None:
    """With a limit it reads no more than that."""
    file = io.BytesIO(CONTENT)
    wrapper = FileWrapper(file, 4)
    wrapper.limit = limit
    assert b"".join(wrapper) == CONTENT[:limit]
    assert file.tell() == min(limit, 10)


def test_close() -> None:
    """Closing it closes the file, where that can be closed."""
    file = io.BytesIO(CONTENT)
    FileWrapper(file).close()
    assert file.closed
    FileWrapper(Reader(file)).close()


def test_seek(path: Path) -> None:
    """It can be positioned if the file can; Werkzeug does so, and iterates, for a part of a file."""
    with path.open("rb") as file:
        wrapper = FileWrapper(file)
        assert iter(wrapper) is wrapper
        assert wrapper.seekable()
        assert (wrapper.seek(4), wrapper.tell()) == (4, 4)
        assert next(wrapper) == CONTENT[4:]
        assert wrapper.seek(-1, os.SEEK_END) == 9
        assert not FileWrapper(Reader(file)).seekable()
        assert FileWrapper(PassingOn(file)).seekable()
    assert repr(FileWrapper(io.BytesIO())).startswith("<FileWrapper <_io.BytesIO")


# The region.


@pytest.mark.parametrize(
    "opened",
    [
        lambda path: path.open("rb"),
        lambda path: path.open("r+b"),
        lambda path: path.open("rb", buffering=0),
        lambda path: Proxy(path.open("rb")),
    ],
)
@pytest.mark.parametrize(("offset", "limit", "length"), [(0, None, 10), (3, None, 7), (3, 2, 2), (0, 99, 10)])
def test_region(
    path: Path, opened: Callable[[Path], Any], offset: int, limit: int | None, length: int
) -> None:
    """A regular file gives what is between its position and its end, or the limit."""
    filelike = opened(path)
    file = getattr(filelike, "file", filelike)
    with file:
        file.seek(offset)
        wrapper = FileWrapper(filelike)
        wrapper.limit = limit
        assert wrapper.region() == (file.fileno(), offset, length)


@pytest.mark.parametrize("make", [tempfile.TemporaryFile, tempfile.NamedTemporaryFile])
def test_region_of_what_was_just_written(make: Callable[[], Any]) -> None:
    """What was just written counts, and so does the position in the file's own buffer."""
    with make() as file:
        file.write(CONTENT)
        file.seek(0)
        file.read(5)
        file.write(b"abcdefghij")
        assert FileWrapper(file).region() is None
        file.seek(3)
        assert FileWrapper(file).region() == (file.fileno(), 3, 12)
        assert os.pread(file.fileno(), 100, 3) == b"34abcdefghij"


@pytest.mark.parametrize(
    "opened",
    [
        Reader,  # no descriptor
        PassingOn,  # somebody else's
        lambda file: Progress(io.FileIO(os.dup(file.fileno()))),
        lambda file: io.BufferedReader(Progress(io.FileIO(os.dup(file.fileno())))),
        gzip.GzipFile,
        lambda file: io.BytesIO(file.read()),
        lambda file: io.TextIOWrapper(io.FileIO(os.dup(file.fileno()))),
    ],
)
def test_no_region_of_what_reads_otherwise(path: Path, opened: Callable[[Any], Any]) -> None:
    """Whatever does not just give the file's bytes has to be read, descriptor or not."""
    gzipped = path.with_suffix(".gz")
    gzipped.write_bytes(gzip.compress(CONTENT))
    with gzipped.open("r+b") as file:
        filelike = opened(file) if opened is not gzip.GzipFile else gzip.GzipFile(fileobj=file)
        assert FileWrapper(filelike).region() is None
        if hasattr(filelike, "close"):
            filelike.close()


def test_no_region_of_other_files(path: Path) -> None:
    """Nor have pipes, files at their end, closed ones and those that cannot be read any region."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb") as other_end:
        assert FileWrapper(pipe).region() is None
        assert FileWrapper(other_end).region() is None
    with path.open("rb") as file:
        file.read()
        assert FileWrapper(file).region() is None
        file.seek(5)
        wrapper = FileWrapper(file)
        wrapper.limit = 0
        assert wrapper.region() is None
    assert FileWrapper(file).region() is None
    with path.open("ab", buffering=0) as write_only:
        assert FileWrapper(write_only).region() is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_no_region_of_files_without_a_size() -> None:
    """Files that have no size, and content all the same, have to be read."""
    with Path("/proc/self/status").open("rb") as file:
        wrapper = FileWrapper(file)
        assert wrapper.region() is None
        assert next(wrapper)
