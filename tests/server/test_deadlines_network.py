"""Pools in real processes: requests that wait too long, views that are stuck, and who starves whom."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridges import Answer, Bridge, ask, bridge_to
from tests.support.sockets import DEADLINE

#: One thread for the views, and one on which the test finds out what they do.
TARGETS = ("/events=tests.apps.wsgi_events@control", "/stuck=tests.apps.wsgi_stuck")
OPTIONS: dict[str, Any] = {"pool": ["control=1"], "threads": 1}
#: Seconds; what is stuck is found out in a test after this, and what is not must not take so long.
SOON = 1.0


Start = Callable[..., Bridge]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give `start(**options)`, which serves :data:`TARGETS`."""
    with ExitStack() as bridges:

        def serve(*targets: str, **options: Any) -> Bridge:
            everything = (*TARGETS, *targets)
            return bridges.enter_context(bridge_to("direct", everything, tmp_path, **{**OPTIONS, **options}))

        yield serve


@pytest.fixture(params=["uvloop", "asyncio"])
def impatient(request: pytest.FixtureRequest, start: Start) -> Bridge:
    """Serve on each event loop in turn, with views that must answer soon."""
    return start(timeout_request=SOON, loop=request.param)


def wait_until_back(bridge: Bridge, stuck: int) -> str:
    """Wait until so many stuck threads have come back; return stderr."""
    end = time.monotonic() + DEADLINE
    while bridge.server.stderr.count("has come back after") < stuck:
        assert time.monotonic() < end, bridge.server.stderr
        time.sleep(0.01)
    return bridge.server.stderr


def assert_overloaded(answer: Answer) -> None:
    """The client is told that the server has too much to do, and when to come again."""
    assert (answer.status, answer.body) == (503, b"Service Unavailable")
    assert answer.header("retry-after") == "1"


def receive(client: socket.socket) -> bytes:
    """Return what has come, nothing when the server has closed, politely or not."""
    try:
        return client.recv(65536)
    except ConnectionResetError:
        return b""


def begun_on(bridge: Bridge, name: str) -> str:
    """Wait until a request has a thread, and return the thread's name."""
    end = time.monotonic() + DEADLINE
    while not (events := bridge.events(name)):
        assert time.monotonic() < end, bridge.server.stderr
    return events[0].removeprefix("begun on ")


class TestStuck:
    """Views that do not answer (`--timeout-request`)."""

    def test_silent(self, impatient: Bridge) -> None:
        """The client gets a 504, the log the stack, another thread takes over, the late answer is dropped."""
        with closing(impatient.connection()) as connection:
            answer = ask(connection, "/stuck/silent/one")
            assert (answer.status, answer.body) == (504, b"Gateway Timeout")
            assert answer.header("connection") == "close"
        assert impatient.ask("/stuck/thread/two").body == b"wsgi-2"
        impatient.step("one")
        assert impatient.wait_for_event("one", "awake") == ["begun on wsgi-1", "awake"]
        log = wait_until_back(impatient, 1)
        assert "GET /stuck/silent/one: given up, the application is stuck" in log
        assert "wait_for_step(environ)" in log
        assert impatient.ask("/stuck/thread/three").body == b"wsgi-2"

    def test_in_the_middle(self, impatient: Bridge) -> None:
        """A response that has begun is cut off, so that the client can tell that it is incomplete."""
        with closing(impatient.open("/stuck/late/one")) as client:
            received = b""
            while part := receive(client):
                received += part
        assert b"first part" in received
        assert b"second part" not in received
        assert not received.endswith(b"0\r\n\r\n")
        impatient.step("one")
        wait_until_back(impatient, 1)

    def test_going_on(self, impatient: Bridge) -> None:
        """A long response is not stuck as long as there is always another part in time."""
        begun = time.monotonic()
        with closing(impatient.open("/stuck/going-on/one", "Connection: close")) as client:
            received = b""
            while b"!" not in received:
                part = receive(client)
                assert part, received
                received += part
                if time.monotonic() - begun > 2 * SOON:
                    impatient.step("one")
                    begun = float("inf")
        assert "stuck and has been" not in impatient.server.stderr

    def test_too_many(self, start: Start) -> None:
        """With too many of them the log says that the process should be replaced, and it goes on serving."""
        bridge = start(timeout_request=SOON, limit_stuck_threads=2, threads=2)
        assert [bridge.ask(f"/stuck/silent/{name}").status for name in "abc"] == [504] * 3
        assert bridge.ask("/stuck/thread/d").body == b"wsgi-4"
        for name in "abc":
            bridge.step(name)
        critical = [line for line in wait_until_back(bridge, 3).splitlines() if " CRITICAL " in line]
        assert [line.partition(" threads are stuck")[0][-2:] for line in critical] == [" 2", " 3"]

    def test_none_left(self, start: Start) -> None:
        """Beyond that number none takes the place of a stuck thread: requests wait for one to come back."""
        bridge = start(timeout_request=SOON, limit_stuck_threads=1, threads_queue_timeout=SOON)
        assert [bridge.ask(f"/stuck/silent/{name}").status for name in "ab"] == [504] * 2
        assert_overloaded(bridge.ask("/stuck/thread/c"))
        bridge.step("a")
        wait_until_back(bridge, 1)
        assert bridge.ask("/stuck/thread/d").body == b"wsgi-3"

    def test_at_the_end(self, start: Start) -> None:
        """A server that is told to stop does not wait for threads that it has given up."""
        bridge = start(timeout_request=SOON)
        assert bridge.ask("/stuck/silent/one").status == 504
        assert bridge.server.terminate() == 0
        assert "cutting off" not in bridge.server.stderr


class TestNoThread:
    """Requests for which no thread is free."""

    @pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
    @pytest.mark.parametrize("body", [None, b"x" * 100_000], ids=["GET", "POST"])
    def test_waits_too_long(self, start: Start, loop: str, body: bytes | None) -> None:
        """It is a 503 with Retry-After, and never run."""
        bridge = start(threads_queue_timeout=SOON, loop=loop)
        with closing(bridge.open("/stuck/silent/one")) as busy:
            bridge.wait_for_event("one", "begun on wsgi-1")
            assert_overloaded(bridge.ask("/stuck/thread/two", body))
            assert bridge.events("two") == []
            bridge.step("one")
            assert receive(busy).startswith(b"HTTP/1.1 200 OK")
        assert bridge.ask("/stuck/thread/three").status == 200
        refusal = "/stuck/thread/two: refused, it has waited too long for a thread"
        bridge.server.wait_for_stderr(refusal)

    def test_no_room(self, start: Start) -> None:
        """What does not fit into the queue is a 503 with Retry-After at once."""
        bridge = start(threads_queue=0, pool=["control=1,10"])
        with closing(bridge.open("/stuck/silent/one")) as busy:
            bridge.wait_for_event("one", "begun on wsgi-1")
            assert_overloaded(bridge.ask("/stuck/thread/two"))
            bridge.step("one")
            assert receive(busy).startswith(b"HTTP/1.1 200 OK")

    def test_idle_connections_take_no_room(self, start: Start) -> None:
        """Connections without a request do not count, however many there are."""
        bridge = start(threads_queue=0, pool=["control=1,10"])
        with ExitStack() as connections:
            for _ in range(20):
                connection = connections.enter_context(closing(bridge.connection()))
                assert ask(connection, "/events/any").json == []
            assert bridge.ask("/stuck/thread/one").status == 200

    def test_pools_starve_only_themselves(self, start: Start) -> None:
        """With all threads of a pool taken, and its queue full, other pools answer as if nothing happened."""
        bridge = start("/slow=tests.apps.wsgi_stuck@slow", pool=["control=1", "slow=2,0"])
        with ExitStack() as busy:
            clients = [
                busy.enter_context(closing(bridge.open(f"/slow/silent/{name}"))) for name in ("one", "two")
            ]
            assert {begun_on(bridge, name) for name in ("one", "two")} == {"slow-1", "slow-2"}
            assert_overloaded(bridge.ask("/slow/thread/three"))
            assert bridge.ask("/stuck/thread/four").body == b"wsgi-1"
            bridge.step("one")
            bridge.step("two")
            assert all(receive(client).startswith(b"HTTP/1.1 200 OK") for client in clients)
