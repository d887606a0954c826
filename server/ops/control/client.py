"""Finding a running server, and asking it something: for the command line. It waits, and needs no loop."""

import contextlib
import os
import pwd
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from hybrid.bridge.control import ControlError
from hybrid.bridge.unix.sockets import is_trusted
from hybrid.server.ops.control.lines import MAX_ANSWER, LineReader, Refused, read_answer, write_request
from hybrid.server.ops.control.places import (
    default_folders,
    directories_in,
    is_alive,
    pids_in,
    socket_of,
)
from hybrid.server.wording import reason_of

#: Seconds in which an answer has come: a little more than a command may take there.
_SECONDS: Final = 12.0
#: Seconds in which one of several servers says what it is.
_ABOUT_SECONDS: Final = 1.0
_PIECE: Final = 256 * 1024


class Gone(ControlError):
    """A process is not there any more."""


class Running(NamedTuple):
    """A server that runs.

    Attributes:
        directory: its control directory.
        pids: its processes, the lowest first, which is the one that leads.
    """

    directory: Path
    pids: Sequence[int]

    def ask(self, command: str, arguments: Mapping[str, Any], seconds: float = _SECONDS) -> Mapping[str, Any]:
        """Have the process that leads do what a command says, and return its answer; another one, when that
        has just ended.

        Raises:
            Refused: the answer is an error, or cannot be read.
            ControlError: there is none.
        """
        line = write_request(command, arguments)
        for pid in self.pids:
            with contextlib.suppress(Gone):
                return self._ask(pid, line, seconds)
        raise ControlError(f"{self.directory}: the server has just ended")

    def ask_process(
        self, pid: int, command: str, arguments: Mapping[str, Any], seconds: float = _SECONDS
    ) -> Mapping[str, Any]:
        """Have one process do what a command says, and return its answer.

        Raises:
            Refused, ControlError: as :meth:`ask`.
        """
        return self._ask(pid, write_request(command, arguments), seconds)

    def now(self) -> Sequence[int]:
        """Return the processes that there are now, which may be others than before."""
        return _running(self.directory).pids

    def _ask(self, pid: int, line: bytes, seconds: float) -> Mapping[str, Any]:
        try:
            return _ask(socket_of(self.directory, pid), line, seconds)
        except (FileNotFoundError, ConnectionRefusedError):
            raise Gone(f"process {pid} has ended") from None
        except PermissionError:
            raise ControlError(f"{self.directory}: no permission to connect to process {pid}") from None
        except TimeoutError:
            raise ControlError(f"process {pid} has not answered within {seconds:g} s") from None
        except (BrokenPipeError, ConnectionResetError, EOFError):
            raise ControlError(f"process {pid} has ended the connection without an answer") from None
        except OSError as error:
            raise ControlError(f"process {pid} gives no answer: {reason_of(error)}") from None


def find_server(control: str | None) -> Running:
    """Return the server that is meant.

    Args:
        control: its control directory, or the folder that this is in; None for the only one of this user.

    Raises:
        ControlError: there is none, or several, or this user may not know.
    """
    if control is None:
        folders = _default_folders()
        found: list[Running] = []
        for folder in folders:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found += _running_in(folder) if folder.lstat().st_uid == os.geteuid() else ()
    else:
        folders = [Path(control)]
        found = _running_at(folders[0])
    if len(found) == 1:
        return found[0]
    if found:
        servers = "".join(f"\n  --control {each.directory}  {_described(each)}" for each in found)
        raise ControlError(f"several servers are running; say which one is meant:{servers}")
    where = ", ".join(map(str, folders))
    hint = "" if control else "; --control DIR says where another one is"
    raise ControlError(f"no server with a control socket is running (none in {where}){hint}")


def _default_folders() -> list[Path]:
    """Return where servers of this user may be, also those started where other variables were set."""
    folders = [*default_folders(), Path(f"/run/user/{os.geteuid()}/hybrid")]
    return list(dict.fromkeys(folders))


def _running_at(place: Path) -> list[Running]:
    try:
        is_directory_of_one = bool(pids_in(place))
        found = [_running(place)] if is_directory_of_one else _running_in(place)
    except FileNotFoundError:
        raise ControlError(f"{place}: there is no such directory, so no server has it") from None
    except NotADirectoryError:
        raise ControlError(f"{place} is no directory") from None
    except PermissionError:
        raise ControlError(f"{place}: no permission; {user_name()} may not look into it") from None
    return [each for each in found if each.pids]


def _running_in(folder: Path) -> list[Running]:
    try:
        found = [_running(directory) for directory in directories_in(folder)]
    except PermissionError:
        raise ControlError(f"{folder}: no permission; {user_name()} may not look into it") from None
    return [each for each in found if each.pids]


def _running(directory: Path) -> Running:
    pids: list[int] = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # a server that ends removes it
        pids = [pid for pid in pids_in(directory) if is_alive(socket_of(directory, pid))]
    return Running(directory, pids)


def _described(server: Running) -> str:
    """Say what tells a server from others."""
    try:
        urls: Any = server.ask("about", {}, _ABOUT_SECONDS).get("urls")
    except ControlError as error:
        return f"({error})"
    return " ".join(map(str, cast("list[object]", urls))) if isinstance(urls, list) else ""


def _ask(path: Path, line: bytes, seconds: float) -> Mapping[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(str(path))
        if os.geteuid() and not is_trusted(connection):  # root may ask anybody's server
            raise Refused(f"{path}: another user listens there")
        connection.sendall(line)
        reader = LineReader(MAX_ANSWER)
        while (answer := reader.feed(connection.recv(_PIECE))) is None:
            pass
        return read_answer(answer)


def user_name() -> str:
    """Return the name of who runs this process, as the system knows it; variables could say another one."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
