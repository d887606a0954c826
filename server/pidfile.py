"""The file in which a server says its process id, for whoever sends it signals."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from hybrid.bridge.errors import ConfigError
from hybrid.server.errors import BindError

_MODE = 0o644


@contextmanager
def pid_file(path: str | os.PathLike[str] | None) -> Generator[None]:
    """Have the id of this process in a file while the block runs; None does nothing.

    A file that a killed server has left is replaced. At the end the file is removed, unless it is another
    server's by then.

    Raises:
        BindError: the process that it names is running.
        ConfigError: it cannot be written.
    """
    if path is None:
        yield
        return
    file = Path(path).absolute()  # programs may change their directory
    refuse_taken(file)
    own = os.getpid()
    _write(file, own)
    try:
        yield
    finally:
        if _read(file) == own:
            with suppress(OSError):
                file.unlink()


def refuse_taken(path: str | os.PathLike[str]) -> None:
    """Look whether another process has the file.

    Raises:
        BindError: the process that it names is running.
        ConfigError: the directory is not there.
    """
    file = Path(path)
    if not file.parent.is_dir():
        raise ConfigError(f"pidfile: {file} cannot be written: there is no such directory")
    pid = _read(file)
    if pid not in (None, os.getpid()) and is_running(pid):
        raise BindError(f"pidfile: process {pid}, which {file} names, is running")


def _write(file: Path, pid: int) -> None:
    """Write it at once: who reads it meanwhile finds a whole number."""
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "w", encoding="ascii") as new:
            new.write(f"{pid}\n")
            os.fchmod(descriptor, _MODE)
        Path(name).replace(file)
    except OSError as error:
        raise ConfigError(f"pidfile: {file} cannot be written: {error.strerror}") from error


def _read(file: Path) -> int | None:
    try:
        pid = int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if pid > 0 else None


def is_running(pid: int) -> bool:
    """Tell whether there is a process of this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
