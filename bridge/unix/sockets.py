"""The paths of Unix sockets, and who is at the other end of one."""

import os
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from hybrid.bridge.errors import ConfigError

#: Bytes of a socket's path (sockaddr_un).
MAX_PATH: Final = 107 if sys.platform == "linux" else 103


def require_place(path: str) -> Path:
    """Return the path of a socket, absolute.

    Raises:
        ConfigError: it is too long for one.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - not resolve(): links may lead elsewhere later
    length = len(os.fsencode(absolute))
    if length > MAX_PATH:
        raise ConfigError(f"the path of a socket has at most {MAX_PATH} bytes, not {length}: {absolute}")
    return absolute


def is_trusted(connection: socket.socket) -> bool:
    """Return whether who is at the other end is this user, or the system's."""
    return peer_of(connection) in (None, 0, os.geteuid())  # else the folder is this user's alone


def peer_of(connection: socket.socket) -> int | None:
    """Return the user's id of who is at the other end; None where the system does not say it."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, size))
    return int(uid)
