"""Downloads of files from a server in the same process, by clients that read when a test wants it."""

import errno
import os
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hybrid.server.server import Server
from tests.apps.wsgi_big import pattern
from tests.support.embedded import until
from tests.support.sockets import DEADLINE


def open_descriptors(path: Path) -> int:
    """Tell how many descriptors this process has of a file; needs /proc."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found += str(link.readlink()) == str(path)
    return found


def is_content(body: bytes, start: int, size: int) -> bool:
    """Tell whether a body is this part of the file, without a report of how millions of bytes differ."""
    return body == pattern(start, size)


def connected(server: Server, data: bytes, receive_buffer: int = 8192) -> socket.socket:
    """Connect, send, and read nothing."""
    assert server.listeners is not None
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(DEADLINE)
    sock.connect(server.listeners.sockets[0].getsockname())
    sock.sendall(data)
    return sock


async def begun(sock: socket.socket) -> None:
    """Wait until the response has begun to come."""
    await until(lambda: select.select([sock], [], [], 0)[0])


async def read_all(sock: socket.socket) -> bytes:
    """Read to the end, without holding the loop."""
    received = bytearray()

    def read() -> None:
        with suppress(ConnectionResetError):
            while part := sock.recv(1 << 20):
                received.extend(part)

    thread = threading.Thread(target=read)
    thread.start()
    await until(lambda: not thread.is_alive())
    return bytes(received)


def without_sendfile(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Take sendfile away, in one of the ways in which systems do without."""
    if how == "missing":
        monkeypatch.delattr(os, "sendfile")
    elif how != "works":

        def refuse(*_: object) -> int:
            raise OSError(getattr(errno, how), "not for this file")

        monkeypatch.setattr(os, "sendfile", refuse)
