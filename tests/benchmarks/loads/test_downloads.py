"""Downloads at once from a little server in threads; nothing depends on how fast it is."""

import os
import socket
import threading
from contextlib import suppress

import pytest

from benchmarks.loads import downloads
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Downloads, Plan

SIZE = 3_000_000
OK = b"HTTP/1.1 200 OK\r\n\r\n"


def serve(connection: socket.socket, head: bytes, missing: int) -> None:
    """Answer one request with what it asks for, but for the last bytes of large ones, and close."""
    with suppress(ConnectionError), connection:
        line = connection.recv(4096).partition(b"\r\n")[0]
        size = int(line.split()[1].partition(b"?size=")[2])
        if not head:
            return
        connection.sendall(head)
        connection.sendall(bytes(size - (missing if size == SIZE else 0)))


def run(head: bytes = OK, missing: int = 0, connections: int = 3) -> Outcome:
    """Measure such a server, in this very process."""
    load = Downloads("/file", SIZE, pace=1e8, connections=connections)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        threads: list[threading.Thread] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.settimeout(20)
                    threads.append(threading.Thread(target=serve, args=(connection, head, missing)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        outcome = downloads.measure(Plan(os.getpid(), listener.getsockname()[1], 0, 1, load), load)
        listener.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *threads):
            thread.join(20)
            assert not thread.is_alive()
    return outcome


@pytest.mark.parametrize("connections", [1, 3])
def test_all_of_them_are_counted(connections: int) -> None:
    """The small one for warm-up is not."""
    outcome = run(connections=connections)
    assert outcome.first_error == ""
    assert (outcome.answers, outcome.figures["bytes"]) == (connections, connections * SIZE)
    assert "memory growth MiB" in outcome.figures


@pytest.mark.parametrize(
    ("head", "missing", "reason"),
    [
        (b"HTTP/1.1 500 No\r\n\r\n", 0, "unexpected answer: b'HTTP/1.1 500 '"),
        (OK, 100, "bytes came instead of"),
        (b"", 0, "connection closed by the server"),
    ],
    ids=["status", "too little", "nothing"],
)
def test_a_wrong_answer_is_an_error(head: bytes, missing: int, reason: str) -> None:
    """There are no figures then."""
    outcome = run(head, missing)
    assert (outcome.answers, reason in outcome.first_error) == (0, True), outcome.first_error
