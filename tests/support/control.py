"""Speaking on control sockets of real servers."""

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.support.process import DEADLINE
from tests.support.waiting import until

#: A user that nobody is.
STRANGER = 54321


@contextmanager
def short_folder(*, is_emptied: bool) -> Iterator[Path]:
    """Give a folder whose name leaves room for those of sockets, and into which others may look.

    Args:
        is_emptied: whether nothing may be left in it at the end of the block.
    """
    folder = Path(mkdtemp(prefix="hc-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
        assert not (is_emptied and list(folder.iterdir()))
    finally:
        for each in sorted(folder.rglob("*"), reverse=True):
            each.rmdir() if each.is_dir() and not each.is_symlink() else each.unlink()
        folder.rmdir()


def sockets_below(folder: Path) -> dict[int, Path]:
    """Return the control sockets of all servers below a folder, by process id."""
    while True:
        try:
            return {int(path.stem): path for path in folder.glob("**/*.sock") if path.stem.isdigit()}
        except FileNotFoundError:  # a directory has gone meanwhile, with its server
            continue


def socket_of(folder: Path) -> Path:
    """Return the only control socket below a folder."""
    (path,) = sockets_below(folder).values()
    return path


def said(path: Path, data: bytes) -> bytes:
    """Say something on a socket, and return all that is said until it closes.

    A socket has its name a moment before somebody listens on it.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE)
        until(lambda: _connects(connection, path))
        received = bytearray()
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was closed before all was read
        return bytes(received)


def _connects(connection: socket.socket, path: Path) -> bool:
    try:
        connection.connect(str(path))
    except ConnectionRefusedError:
        return False
    return True


def asked(path: Path, command: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask for a command, and return the answer, or the error and its code."""
    line = said(path, json.dumps({"command": command, "arguments": arguments or {}}).encode() + b"\n")
    assert line.endswith(b"\n"), line
    answer: dict[str, Any] = json.loads(line)
    return answer["answer"] if answer.keys() == {"answer"} else answer


def as_stranger(function: Callable[[], str]) -> str:
    """Call a function in a process of another user's, and return its text, or its error's."""
    if os.geteuid():
        pytest.skip("only root can be somebody else")
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(int(DEADLINE))
        try:
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            text = function()
        except BaseException:  # noqa: BLE001 - whatever it is, it must not go on here
            text = traceback.format_exc()
        os.write(sending, text.encode())
        sys.stderr.flush()
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text
