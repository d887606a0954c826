"""The application's end of a tunnel: a blocking socket for any number of threads."""

import gc
import itertools
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from hybrid.server.application_socket import ApplicationSocket

#: Each thread sends so many messages of so many bytes, more than the kernel keeps.
MESSAGES, SIZE = 50, 300_000


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, ApplicationSocket]]:
    """Give a plain end and the application's."""
    end, other = socket.socketpair()
    application = ApplicationSocket.of(other)
    assert other.fileno() == -1
    with end:
        yield end, application
    application.close()


def test_is_a_socket(pair: tuple[socket.socket, ApplicationSocket]) -> None:
    """It blocks, and does what a socket does."""
    end, application = pair
    assert application.getblocking()
    assert application.send(b"one ") == 4
    application.sendall(b"two", 0)
    assert end.recv(100) == b"one two"
    with application.makefile("rb") as file:
        end.sendall(b"line\n")
        assert file.readline() == b"line\n"
    with application.dup() as again:
        again.sendall(b"three")
        assert end.recv(100) == b"three"


@pytest.mark.parametrize("method", ["send", "sendall"])
def test_messages_of_several_threads_stay_whole(
    pair: tuple[socket.socket, ApplicationSocket], method: str
) -> None:
    """What one call sends is not mixed with what another one sends, though neither fits into the kernel."""
    end, application = pair
    send: Callable[[bytes], object] = getattr(application, method)

    def work(letter: bytes) -> None:
        for _ in range(MESSAGES):
            send(letter * SIZE)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    received = bytearray()
    while len(received) < 2 * MESSAGES * SIZE:
        received += end.recv(1 << 20)
    for thread in threads:
        thread.join()
    runs = [sum(1 for _ in run) for _, run in itertools.groupby(received)]
    assert all(length % SIZE == 0 for length in runs)


@pytest.mark.parametrize("method", ["recv", "recv_into"])
def test_closed_while_another_thread_receives(
    pair: tuple[socket.socket, ApplicationSocket], method: str
) -> None:
    """The descriptor stays that thread's until it has left, and nobody may begin anything new."""
    end, application = pair
    receive: Callable[..., object] = getattr(application, method)
    thread = threading.Thread(target=receive, args=(1 if method == "recv" else bytearray(1),))
    thread.start()
    while not application._inside:
        thread.join(0.001)
    application.close()
    application.close()
    assert application.fileno() >= 0
    for use in (application.send, application.sendall, application.recv_into):
        with pytest.raises(OSError, match="Bad file descriptor"):
            use(bytearray(1))
    end.sendall(b"x")
    thread.join()
    assert application.fileno() == -1
    assert end.recv(1) == b""


def test_closed_when_nobody_has_it() -> None:
    """The other end sees the end as soon as the application has dropped it, without a warning."""
    end, other = socket.socketpair()
    with end:
        application = ApplicationSocket.of(other)
        end.settimeout(10)
        del application
        gc.collect()
        assert end.recv(1) == b""
