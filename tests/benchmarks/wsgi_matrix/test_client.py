import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.wsgi_matrix import client
from benchmarks.wsgi_matrix.client import Client
from benchmarks.wsgi_matrix.reply import End

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


@contextmanager
def server(behaviour: Callable[[socket.socket], object]) -> Iterator[int]:
    """Accept one connection, do with it what is given, and keep it open until the block ends."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                behaviour(connection)
                over.wait(20)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join(20)


def test_reply_in_parts() -> None:
    """A reply is read until it is whole, however it comes; what follows is the next one."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(LENGTH)
        connection.recv(1)
        connection.sendall(b"body" + LENGTH)
        connection.recv(1)
        connection.sendall(b"more")

    with server(behave) as port, Client(port) as asking:
        assert asking.read_until(b"\r\n\r\n")
        asking.send(b"x")
        first = asking.read_reply()
        asking.send(b"x")
        assert (first.body, asking.read_next_reply(first).body) == (b"body", b"more")


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline what has not come does not come."""
    monkeypatch.setattr(client, "DEADLINE", 0.05)
    with server(lambda connection: connection.sendall(LENGTH)) as port, Client(port) as asking:
        assert not asking.read_until(b"body")
        assert asking.read_reply().end is End.WAITING
        assert asking.count_body() == 0


def test_server_closes() -> None:
    """A connection that is closed before the end leaves the response incomplete, and takes no more."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(LENGTH + b"bo")
        connection.close()

    with server(behave) as port, Client(port) as asking:
        assert asking.read_reply().end is End.CLOSED
        asking.upload(b"head", (b"x" * (1 << 20) for _ in range(100)))
        assert not asking.send(b"x")


def test_large_body_is_counted() -> None:
    """A body that is not kept is counted to its end."""
    size = 3_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    with server(lambda connection: connection.sendall(head + bytes(size))) as port, Client(port) as asking:
        assert asking.read_until(b"\r\n\r\n")
        assert asking.count_body() == size


def test_leaving_is_a_reset() -> None:
    """A client that leaves breaks the connection."""
    seen: list[str] = []

    def behave(connection: socket.socket) -> None:
        try:
            connection.recv(1)
        except ConnectionResetError:
            seen.append("reset")

    with server(behave) as port, Client(port) as asking:
        asking.leave()
    assert seen == ["reset"]
