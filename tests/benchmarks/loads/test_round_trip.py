"""Bodies that come back from a little server in threads; nothing depends on how fast it is."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from benchmarks.apps.stream_wsgi import CHUNK
from benchmarks.loads import round_trip
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Plan, RoundTrip

SIZE = 300_000
Echo = Callable[[bytes, int], bytes]  # a part of a body, and the number of the request


def same(part: bytes, _number: int) -> bytes:
    """Echo."""
    return part


def serve(connection: socket.socket, echo: Echo, head: bytes) -> None:
    """Answer one request after the other while it arrives."""
    number = 0
    with suppress(ConnectionError), connection, connection.makefile("rb") as stream:
        while stream.readline():
            length = 0
            while (field := stream.readline()) not in (b"\r\n", b""):
                name, _, value = field.partition(b":")
                length = int(value) if name == b"Content-Length" else length
            connection.sendall(head % length)
            while length:
                part = stream.read1(min(length, 65536))
                length -= len(part)
                answer = echo(part, number)
                if not answer:  # what is unread would make it a reset
                    connection.shutdown(socket.SHUT_WR)
                    stream.read()
                    return
                connection.sendall(answer)
            number += 1


def run(
    echo: Echo = same, head: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", connections: int = 1
) -> Outcome:
    """Measure such a server, in this very process."""
    load = RoundTrip(SIZE, connections)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def accept() -> None:
            for _ in range(connections):
                connection, _ = listener.accept()
                connection.settimeout(20)
                threads.append(threading.Thread(target=serve, args=(connection, echo, head)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        outcome = round_trip.measure(Plan(os.getpid(), listener.getsockname()[1], 0.2, 0.8, load), load)
        accepting.join(20)
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in (accepting, *threads))
    return outcome


@pytest.mark.parametrize("connections", [1, 3])
def test_bodies_that_have_come_back_are_counted(connections: int) -> None:
    """One after the other on each connection, and every byte of them counts once."""
    outcome = run(connections=connections)
    assert outcome.first_error == ""
    assert outcome.answers > 0
    assert outcome.figures == {"bytes": outcome.answers * SIZE}


@pytest.mark.parametrize(
    ("echo", "head", "reason"),
    [
        (same, b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n", "unexpected answer"),
        (same, b"HTTP/1.1 200 OK\r\nContent-Length: 1%d\r\n\r\n", "announced instead of"),
        (lambda part, _number: part[::-1], None, "are not those that were sent"),
        (lambda _part, _number: b"", None, "connection closed by the server"),
        (lambda part, number: b"" if number else part, None, "connection closed by the server"),
    ],
    ids=["status", "length", "bytes", "nothing", "nothing later"],
)
def test_a_wrong_answer_is_an_error(echo: Echo, head: bytes | None, reason: str) -> None:
    """Status, length and, of the first body, each byte are looked at."""
    outcome = run(echo, head) if head else run(echo)
    assert reason in outcome.first_error
    assert outcome.answers == 0


def test_an_answer_that_does_not_wait_for_the_request_is_an_error() -> None:
    """The server must have read what it sends back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with suppress(ConnectionError), connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                for _ in range(size >> 20):
                    connection.sendall(block)
                measured.wait(20)  # closed with so much unread, it would be reset

        size = 1 << 26
        block = CHUNK * ((1 << 20) // len(CHUNK))
        measured = threading.Event()
        thread = threading.Thread(target=answer)
        thread.start()
        load = RoundTrip(size, 1)
        plan = Plan(os.getpid(), listener.getsockname()[1], 20, 0.1, load)
        outcome = round_trip.measure(plan, load)
        measured.set()
        thread.join(20)
        assert not thread.is_alive()
    assert outcome.first_error == "answered before the request was complete"
