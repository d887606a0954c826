"""Large bodies against a little server on a thread; nothing depends on how fast it is."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from benchmarks.apps.stream_wsgi import CHUNK
from benchmarks.loads import transfer
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Download, Plan, Upload

SIZE = 4 << 20
Answer = Callable[[bytes, bytes], bytes]  # of head and body


def right(head: bytes, body: bytes) -> bytes:
    """Answer as the applications do."""
    method, target, _ = head.split(b" ", 2)
    return b"%d" % len(body) if method == b"POST" else CHUNK * (int(target[1:]) // len(CHUNK))


def whole(answer: bytes) -> bytes:
    """Put a head before a body."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer


def serve(listener: socket.socket, answer: Answer, wrap: Callable[[bytes], bytes], requests: int) -> None:
    """Answer so many requests on one connection, unless it ends before or an answer is empty."""
    connection, _ = listener.accept()
    connection.settimeout(20)
    with suppress(ConnectionError), connection, connection.makefile("rb") as stream:
        while requests and (line := stream.readline()):
            requests -= 1
            length = 0
            while (field := stream.readline()) not in (b"\r\n", b""):
                name, _, value = field.partition(b":")
                length = int(value) if name == b"Content-Length" else length
            text = answer(line, stream.read(length))
            if not text:
                return
            connection.sendall(wrap(text))


def run(
    load: Download | Upload,
    answer: Answer = right,
    wrap: Callable[[bytes], bytes] = whole,
    seconds: float = 0.0,
    requests: int = 1_000_000,
) -> Outcome:
    """Measure such a server, in this very process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, answer, wrap, requests))
        thread.start()
        outcome = transfer.measure(Plan(os.getpid(), listener.getsockname()[1], 0, seconds, load), load)
        thread.join(20)
        assert not thread.is_alive()
    return outcome


@pytest.mark.parametrize(
    "load", [Download(SIZE), Download(SIZE, pace=1e9), Upload(SIZE), Upload(100)], ids=repr
)
def test_a_transfer_is_counted(load: Download | Upload) -> None:
    """The small one for warm-up is not."""
    outcome = run(load)
    assert outcome.first_error == ""
    assert (outcome.answers, outcome.figures["bytes"]) == (1, load.size)
    assert "memory growth MiB" in outcome.figures


@pytest.mark.parametrize("load", [Download(1 << 16), Upload(1 << 16)], ids=repr)
def test_transfers_go_on_until_the_time_is_up(load: Download | Upload) -> None:
    """Each of them whole."""
    outcome = run(load, seconds=1)
    assert outcome.first_error == ""
    assert outcome.answers > 1
    assert outcome.figures["bytes"] == outcome.answers * load.size


def test_a_slow_reader_takes_its_time_and_reads_the_rest_at_once() -> None:
    """No earlier than the pace allows; a second at this pace is a quarter of it all, read in 0.2 s."""
    outcome = run(Download(SIZE, pace=SIZE / 4), seconds=0.2)
    assert outcome.first_error == ""
    assert outcome.answers == 1
    assert outcome.seconds >= 0.15


@pytest.mark.parametrize(
    ("load", "answer", "reason"),
    [
        (Download(SIZE), lambda head, body: right(head, body)[1:], "bytes announced instead of"),
        (Download(SIZE), lambda head, body: right(head, body)[::-1], "are not those of the application"),
        (Upload(SIZE), lambda _head, _body: b"7", "unexpected answer to"),
        (Upload(SIZE), lambda _head, _body: b"", "connection closed by the server"),
    ],
    ids=["length", "bytes", "count", "nothing"],
)
def test_a_wrong_answer_is_an_error(load: Download | Upload, answer: Answer, reason: str) -> None:
    """There are no figures then."""
    assert reason in run(load, answer).first_error


@pytest.mark.parametrize(
    ("wrap", "reason"),
    [
        (lambda text: whole(text).replace(b"200", b"500"), "unexpected answer"),
        (lambda text: b"HTTP/1.1 200 OK\r\n\r\n" + text, "unexpected answer"),
    ],
    ids=["status", "no length"],
)
def test_a_wrong_head_is_an_error(wrap: Callable[[bytes], bytes], reason: str) -> None:
    """Only a 200 with a Content-Length will do."""
    assert reason in run(Download(SIZE), wrap=wrap).first_error


def test_a_connection_that_ends_early_is_an_error() -> None:
    """The bytes are counted to the last one."""

    def cut(text: bytes) -> bytes:
        return whole(text)[: -1 if len(text) == SIZE else None]

    outcome = run(Download(SIZE), wrap=cut, requests=2)
    assert outcome.first_error == "connection closed by the server"
