"""Where the processes of a server are found: a directory for each server, a socket for each process.

Below one folder there is a directory ``PID`` for each server, named by its main process, and in that a socket
``PID.sock`` for each process, and the files that they share. All of it is this user's alone.
"""

import contextlib
import errno
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.unix.folders import prepare_folder, prepare_private_folder
from hybrid.bridge.unix.sockets import require_place
from hybrid.server.pidfile import is_running

_SUFFIX: Final = ".sock"
#: The largest process id that a system can ask for (pid_t).
_LAST: Final = 2**31 - 1
_BACKLOG: Final = 64
#: The longest that comes below a folder: the largest process ids of Linux.
_LONGEST: Final = f"4194304/4194304{_SUFFIX}"
#: How often a folder is made again that a server which ended has just removed.
_ATTEMPTS: Final = 5
#: Seconds after which a directory without anybody is no server that is about to start.
_ABANDONED: Final = 60.0
#: Seconds after which a socket on which nobody listens is no one that is about to be listened on.
_SETTLED: Final = 1.0


def default_folders(uid: int | None = None) -> list[Path]:
    """Return where the servers of a user have their directories, unless they are told otherwise: the first
    that can be had.
    """
    variables = (
        os.environ.get(name, "").partition(":")[0] for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR")
    )
    folders = [Path(each, "hybrid") for each in variables if each]
    return [*folders, Path(tempfile.gettempdir(), f"hybrid-{os.geteuid() if uid is None else uid}")]


def prepare_control(control: str | None) -> Path:
    """Make the folder that a server is told, or else the first of its user's that can be made.

    Raises:
        ConfigError: it cannot be had, or others could meddle with it.
    """
    problem = ""
    for folder in _folders(control):
        try:
            require_place(str(folder / _LONGEST))
            (prepare_folder if control else prepare_private_folder)(folder)
            _require_access(folder)
        except (ConfigError, OSError) as error:
            problem = f"{folder}: {error.strerror}" if isinstance(error, OSError) else str(error)
        else:
            return folder
    raise ConfigError(f"control: {problem}")


def _require_access(folder: Path) -> None:
    """Refuse a folder in which this user can make no directories.

    Raises:
        PermissionError: it is one.
    """
    is_effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=is_effective):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def prepare_directory(control: str | None, main: int) -> Path:
    """Make the directory of a server, unless another process of it has.

    Args:
        control: the folder in which it is to be; by default one of this user's.
        main: the id of the server's main process.

    Raises:
        ConfigError: others could meddle with it.
        OSError: it cannot be made.
    """
    directory = prepare_control(control) / str(main)
    _sweep(directory.parent)
    if main == os.getpid():
        _remove_left(directory)  # by one that was killed, and had the same id
    for attempt in range(_ATTEMPTS):
        try:
            prepare_control(control)  # unless it is there: a server that has ended may just have removed it
            prepare_private_folder(directory)
        except FileNotFoundError:
            if attempt + 1 == _ATTEMPTS:
                raise
        else:
            break
    return directory


def listen(directory: Path) -> socket.socket:
    """Return the socket of this process, on which it listens.

    Raises:
        ConfigError: another process of this id, which cannot see this one, or another server in this process,
            listens there.
        OSError: it cannot be made.
    """
    path = socket_of(directory, os.getpid())
    if is_alive(path):
        raise ConfigError(f"control: somebody listens on {path} already")
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.setblocking(False)
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def socket_of(directory: Path, pid: int) -> Path:
    """Return the path of the socket of a process."""
    return directory / f"{pid}{_SUFFIX}"


def pids_in(directory: Path) -> list[int]:
    """Return the ids of the processes that have a socket in a directory, the lowest first.

    Raises:
        OSError: it cannot be read.
    """
    names = (each.stem for each in directory.iterdir() if each.suffix == _SUFFIX)
    return sorted(int(name) for name in names if _is_pid(name))


def directories_in(folder: Path) -> list[Path]:
    """Return the directories of servers, whether these still run or not.

    Raises:
        OSError: the folder cannot be read.
    """
    return sorted((each for each in folder.iterdir() if _is_pid(each.name)), key=lambda each: int(each.name))


def is_alive(path: Path) -> bool:
    """Tell whether somebody listens on a socket. Where this user may not know that, it counts as so."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # many wait to be accepted, for one
            return True
    return True


def remove_dead(directory: Path) -> None:
    """Remove the sockets of processes that were killed."""
    with contextlib.suppress(OSError):
        for pid in pids_in(directory):
            path = socket_of(directory, pid)
            if not is_alive(path) and (not is_running(pid) or _age(path) > _SETTLED):
                path.unlink(missing_ok=True)


def remove_directory(directory: Path) -> None:
    """Remove the directory of a server with all that is in it, unless one of its processes is there."""
    if directory.is_dir() and not _is_anybody_in(directory):
        with contextlib.suppress(OSError):
            _remove(directory)
        if directory.parent in default_folders():
            with contextlib.suppress(OSError):  # another server has its directory there
                directory.parent.rmdir()


def remove_server(control: str | None, main: int, uid: int | None = None) -> None:
    """Remove the directory of a server, wherever it is: at the end of its main process, and before its start.

    Args:
        control: the folder that it was told.
        main: the id of its main process.
        uid: the user of its other processes, where that is another one.
    """
    for folder in _folders(control, uid):
        _remove_left(folder / str(main))


def _remove_left(directory: Path) -> None:
    """Remove what is named as the directory of a server, if it can be one. What is open to others is none: in
    a folder that somebody has named it may be anything.
    """
    with contextlib.suppress(OSError):
        if not stat.S_IMODE(directory.lstat().st_mode) & 0o077:
            remove_directory(directory)


def _folders(control: str | None, uid: int | None = None) -> list[Path]:
    return [Path(control).resolve()] if control else default_folders(uid)


def _is_anybody_in(directory: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return any(is_alive(socket_of(directory, pid)) for pid in pids_in(directory))
    return False


def _remove(directory: Path) -> None:
    """Remove a directory of files. What is a link by now is not followed: root may do this for others."""
    folder = os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        inside = os.open(directory.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            for name in os.listdir(inside):  # noqa: PTH208 - a path could lead elsewhere by now
                os.unlink(name, dir_fd=inside)
        finally:
            os.close(inside)
        os.rmdir(directory.name, dir_fd=folder)
    finally:
        os.close(folder)


def _sweep(folder: Path) -> None:
    """Remove the directories of servers that were killed."""
    for directory in _abandoned(folder):
        _remove_left(directory)


def _abandoned(folder: Path) -> Iterator[Path]:
    """Find directories whose main process is gone; in a folder that somebody has named, those that are empty
    or have the sockets of processes that were killed. One in another PID namespace cannot be seen: so new
    ones are left alone, and :func:`remove_directory` leaves those in which anybody listens.
    """
    is_ours_alone = folder in default_folders()
    with contextlib.suppress(OSError):
        for directory in directories_in(folder):
            with contextlib.suppress(OSError):
                is_ours = directory.lstat().st_uid == os.geteuid()
                is_old = is_ours and _age(directory) > _ABANDONED and not is_running(int(directory.name))
                if is_old and (is_ours_alone or pids_in(directory) or not any(directory.iterdir())):
                    yield directory


def _age(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _is_pid(text: str) -> bool:
    return text.isascii() and text.isdigit() and not text.startswith("0") and int(text) <= _LAST
