"""Waiting for what nobody announces, and asking a server in one line."""

import socket
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.process import DEADLINE, ServerProcess


def poll(condition: Callable[[], object], timeout: float = DEADLINE) -> bool:
    """Return True once the condition holds, False when it does not in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds; fail after the deadline."""
    assert poll(condition), "it did not come to that"


def children_of(server: ServerProcess) -> set[int]:
    """Give the process ids of the server's children, those that have just ended included."""
    listing = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii")
    return {int(pid) for pid in listing.split()}


def open_files(pid: int) -> set[str]:
    """Say what a process has open, as far as it has not closed it meanwhile."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found


def get(server: ServerProcess, path: str) -> str:
    """Return the body of what the server answers; a connection of its own, which is closed.

    Raises:
        OSError: it does not answer, or with an error; the text has the status.
    """
    with urllib.request.urlopen(f"{server.url}{path}", timeout=DEADLINE) as response:
        body: bytes = response.read()
        return body.decode()


@contextmanager
def asking(server: ServerProcess, path: str) -> Generator[socket.socket]:
    """Have asked a server for what it may never answer, while the block runs."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield client
