"""Clients that send their requests slowly, or not at all, to real processes with short time-outs.

A time-out is never early and at most two looks late, a second apart. So all clients come at once, and
each test looks at what one of them has received by the time the server has closed its connection.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import ServerProcess, start_server
from tests.support.slow_clients import SlowClient, drive
from tests.support.waiting import until

OPTIONS: dict[str, Any] = {
    "timeout_headers": 0.3,
    "timeout_keep_alive": 0.3,
    "timeout_body": 0.5,
    "timeout_body_rate": 1000,
}
TARGETS = [
    "/asgi=late_reader", "/answering=late_reader:answering", "/wsgi=wsgi_late_reader",
    "/stream=wsgi_late_reader+stream",
]  # fmt: skip
#: One for each kind of reader of a body.
PATHS = ["/asgi", "/wsgi", "/stream"]
GET = b"GET /wsgi HTTP/1.1\r\nHost: x\r\n\r\n"


def post(path: str, line: str, body: bytes = b"") -> bytes:
    """Write a request whose body is perhaps not complete."""
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n".encode() + body


BEFORE = {"first": b"", "second": GET, "third": GET + GET}
STARTS = {"method": b"G", "empty line": b"\r\n", "line": b"GET /", "field": GET[:-2] + b"x-long: "}
SILENT_HEADS = {
    f"{start} of the {which}": SlowClient(BEFORE[which] + STARTS[start])
    for which in BEFORE
    for start in STARTS
}
DRIBBLED_HEADS = {
    f"dribbled {start} of the {which}": SlowClient(BEFORE[which] + STARTS[start], b"x")
    for which in BEFORE
    for start in ("line", "field")
}
BODIES = {
    "nothing": ("Content-Length: 100", b""),
    "some": ("Content-Length: 100", b"some"),
    "no chunk": ("Transfer-Encoding: chunked", b""),
    "a chunk": ("Transfer-Encoding: chunked", b"4\r\nsome\r\n"),
    "no end": ("Transfer-Encoding: chunked", b"4\r\nsome\r\n0\r\n"),
}
SILENT_BODIES = {
    f"{body} to {path}": SlowClient(post(path, *BODIES[body])) for path in PATHS for body in BODIES
}
#: What is no body does not count as such: extensions of chunks, trailer fields.
FRAMING = {
    "extension": SlowClient(post("/wsgi", "Transfer-Encoding: chunked", b"4;"), b"x"),
    "trailers": SlowClient(post("/wsgi", "Transfer-Encoding: chunked", b"0\r\nx-trailer: "), b"x" * 20),
}
DRIBBLED_BODIES = {
    f"dribbled to {path}": SlowClient(post(path, "Content-Length: 100000"), b"x") for path in PATHS
}
#: Four times as fast as asked, for five times as long as any time-out.
STEADY_BODIES = {
    f"steady to {path}": SlowClient(post(path, "Content-Length: 10000\r\nConnection: close"), b"x" * 200, 50)
    for path in PATHS
}
OTHERS = {
    "silence": SlowClient(b""),
    "idle": SlowClient(GET),
    "answering": SlowClient(post("/answering", "Content-Length: 100")),
}
CLIENTS = {
    **SILENT_HEADS, **DRIBBLED_HEADS, **SILENT_BODIES, **FRAMING, **DRIBBLED_BODIES, **STEADY_BODIES, **OTHERS
}  # fmt: skip

HEAD_LATE = b"the request head did not come in time"
BODY_SILENT = b"the request body did not go on in time"
BODY_SLOW = b"the request body comes too slowly"


class Battle:
    """A server that has had all clients at once: what it wrote, and what they got."""

    def __init__(self, server: ServerProcess) -> None:
        self.answers = drive(server.port, CLIENTS)
        self._server = server

    def count(self, line: str, wanted: int) -> int:
        """Count a line of the log once it is there so often: clients may hear of their end before."""
        until(lambda: self._server.stderr.count(line) >= wanted)
        return self._server.stderr.count(line)


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def battle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Battle]:
    """Have the clients attack a server."""
    folder = tmp_path_factory.mktemp("slow")
    with start_server(*TARGETS, cwd=folder, loop=request.param, **OPTIONS) as server:
        yield Battle(server)
        assert server.terminate() == 0


def assert_late(answer: bytes, reason: bytes) -> None:
    """The client is told that it was too slow, and that the connection closes."""
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n"), answer
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\n" + reason), answer


def last_of(answer: bytes) -> bytes:
    """Return the last response."""
    return answer[answer.rindex(b"HTTP/1.1 ") :]


def test_silence(battle: Battle) -> None:
    """A connection on which nothing comes is closed without a word; so is one that is idle."""
    assert battle.answers["silence"] == b""
    assert battle.answers["idle"].startswith(b"HTTP/1.1 200 ")
    assert battle.answers["idle"].count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("name", SILENT_HEADS)
def test_head_that_does_not_go_on(battle: Battle, name: str) -> None:
    """It is answered 408, whichever request of the connection it is."""
    answer = battle.answers[name]
    assert answer.count(b"HTTP/1.1 200 ") == CLIENTS[name].start.count(GET)
    assert_late(last_of(answer), HEAD_LATE)


@pytest.mark.parametrize("name", DRIBBLED_HEADS)
def test_head_that_comes_slowly(battle: Battle, name: str) -> None:
    """A byte now and then wins no time: the whole head has to come within it (slow header attacks)."""
    assert_late(last_of(battle.answers[name]), HEAD_LATE)


@pytest.mark.parametrize("name", [*SILENT_BODIES, *FRAMING])
def test_body_that_does_not_go_on(battle: Battle, name: str) -> None:
    """It is answered 408, for whoever it is, and though there may be more and more of its framing."""
    assert_late(battle.answers[name], BODY_SILENT)


@pytest.mark.parametrize("name", DRIBBLED_BODIES)
def test_body_that_comes_slowly(battle: Battle, name: str) -> None:
    """A byte now and then wins little time."""
    assert_late(battle.answers[name], BODY_SLOW)


@pytest.mark.parametrize("name", STEADY_BODIES)
def test_body_that_comes_fast_enough(battle: Battle, name: str) -> None:
    """A client that is fast enough may take much longer than the time-out."""
    assert battle.answers[name].startswith(b"HTTP/1.1 200 ")


def test_response_that_has_begun(battle: Battle) -> None:
    """A response that has begun is cut off, so that the client can tell."""
    assert b"408" not in battle.answers["answering"]
    assert not battle.answers["answering"].endswith(b"0\r\n\r\n")


def test_applications_are_told(battle: Battle) -> None:
    """An ASGI application gets `http.disconnect`; for one on a thread, reading raises."""
    late = len([name for name in (*SILENT_BODIES, *DRIBBLED_BODIES) if name.endswith("/asgi")])
    for line, wanted in (
        ("the body ended with http.disconnect\n", late + 1),  # who had begun to answer
        (f"reading failed: {BODY_SILENT.decode()}\n", len(BODIES)),
        (f"reading failed: {BODY_SLOW.decode()}\n", 1),
    ):
        assert battle.count(line, wanted) == wanted


def test_threads_are_freed(tmp_path: Path) -> None:
    """Silent uploads to a target that streams hold its only thread for no longer than the time-out."""
    stuck = {str(number): SlowClient(post("/stream", "Content-Length: 9", b"some")) for number in range(10)}
    honest = SlowClient(post("/stream", "Content-Length: 4\r\nConnection: close", b"some"))
    with start_server(*TARGETS, cwd=tmp_path, threads=1, **OPTIONS) as server:
        answers = drive(server.port, {**stuck, "honest": honest})
        assert answers.pop("honest").startswith(b"HTTP/1.1 200 ")
        for answer in answers.values():
            assert_late(answer, BODY_SILENT)
