"""Consumers behind real servers, this project's and uvicorn, with real clients."""

import http.client
import json
import re
import signal
from collections.abc import Iterator
from contextlib import closing

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ServerProcess, start_server
from tests.support.uvicorn import UvicornProcess, start_uvicorn
from tests.support.websocket_clients import close_of, opened, reset


@pytest.fixture(scope="module", params=["hybrid", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Serve the consumers; the end must be without complaints."""
    if request.param == "uvicorn":
        require_module("uvicorn")
        server: ServerProcess = start_uvicorn("consumers:app", cwd=APPS)
    else:
        server = start_server("consumers:app", cwd=APPS, access_log=False)
    with server:
        yield server
    for complaint in ("never retrieved", "never awaited", "Exception in", "Task was destroyed"):
        assert complaint not in server.stderr


def count(server: ServerProcess, what: str) -> int:
    """Count the notes of something so far."""
    return server.stderr.count(f"note: {what}\n")


def wait_for(server: ServerProcess, what: str, times: int = 1) -> None:
    """Return once something has been noted so many times."""
    server.wait_for_stderr(re.compile(rf"(?:note: {re.escape(what)}\n(?:.*\n)*?){{{times}}}"))


@pytest.mark.parametrize("route", ["echo", "parallel", "impatient", "sync"])
def test_messages(server: ServerProcess, route: str) -> None:
    """Text and bytes come back, empty ones too, and the client's code reaches disconnect()."""
    before = count(server, "left 4001")
    with opened(server, f"/{route}") as websocket:
        for message in ("hello", "", b"\0", b"", "ü" * 70_000):
            websocket.send(message)
            assert websocket.recv(timeout=DEADLINE) == message
        websocket.close(4001)
    wait_for(server, "left 4001", before + 1)


def test_subprotocol(server: ServerProcess) -> None:
    """The consumer's choice reaches the client."""
    with opened(server, "/echo", subprotocols=[Subprotocol("chat")]) as websocket:
        assert websocket.subprotocol == "chat"


@pytest.mark.parametrize("route", ["echo", "parallel"])
def test_a_client_that_vanishes(server: ServerProcess, route: str) -> None:
    """disconnect() runs though a handler waits for ever; the route's other clients are served."""
    code = 1005 if isinstance(server, UvicornProcess) else 1006  # what they call a connection that broke
    left, waiting = count(server, f"left {code}"), count(server, "waiting")
    over = count(server, "wait is over")
    with opened(server, f"/{route}") as websocket:
        websocket.send("wait")
        wait_for(server, "waiting", waiting + 1)
        reset(websocket.socket)
        wait_for(server, f"left {code}", left + 1)
    with opened(server, f"/{route}") as websocket:
        websocket.send("go")
        assert websocket.recv(timeout=DEADLINE) == "go"
    wait_for(server, "wait is over", over + 1)


def test_order_on_threads(server: ServerProcess) -> None:
    """A slow handler on a thread keeps the order of its own messages, and holds up nobody else's."""
    with opened(server, "/sync") as slow, opened(server, "/echo") as quick:
        slow.send("sleep")
        texts = [str(number) for number in range(20)]
        for text in texts:
            slow.send(text)
        quick.send("x")
        assert quick.recv(timeout=DEADLINE) == "x"
        assert [slow.recv(timeout=DEADLINE) for _ in range(21)] == ["sleep", *texts]


def test_a_failure(server: ServerProcess) -> None:
    """The client gets 1011; the log has the traceback once, with the consumer, its handler and the path."""
    before = server.stderr.count("RuntimeError: on purpose")
    with opened(server, "/echo") as websocket:
        websocket.send("fail")
        closed = close_of(websocket)
        assert closed is not None
        assert closed[0] == 1011
    wait_for(server, "left 1011")
    server.wait_for_stderr("websocket /echo: Echo.websocket_receive failed")
    server.wait_for_stderr("RuntimeError: on purpose")
    assert server.stderr.count("RuntimeError: on purpose") == before + 1


def test_a_handler_that_takes_too_long(server: ServerProcess) -> None:
    """The client gets 1011."""
    with opened(server, "/impatient") as websocket:
        websocket.send("wait")
        closed = close_of(websocket)
        assert closed is not None
        assert closed[0] == 1011
    server.wait_for_stderr("websocket /impatient: Impatient.websocket_receive: it has not ended within")


@pytest.mark.parametrize(("route", "status"), [("refuses", 403), ("broken", 500), ("none", 404)])
def test_refusals(server: ServerProcess, route: str, status: int) -> None:
    """A refused handshake, one whose handler fails, and one that has no route, each have their status."""
    with pytest.raises(InvalidStatus) as caught, opened(server, f"/{route}"):
        pass
    assert caught.value.response.status_code == status


def test_groups(server: ServerProcess) -> None:
    """What is said in a room is heard in that room, and nowhere else."""
    with (
        opened(server, "/rooms/1") as first,
        opened(server, "/rooms/1") as second,
        opened(server, "/rooms/2") as other,
    ):
        first.send(json.dumps({"n": 1}))
        assert json.loads(first.recv(timeout=DEADLINE)) == {"n": 1}
        assert json.loads(second.recv(timeout=DEADLINE)) == {"n": 1}
        other.send(json.dumps({"n": 2}))
        assert json.loads(other.recv(timeout=DEADLINE)) == {"n": 2}


def test_http(server: ServerProcess) -> None:
    """A request is answered; one whose client leaves ends the consumer's work."""
    before = count(server, "page is over")
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as client:
        client.request("POST", "/page", body=b"hello")
        response = client.getresponse()
        assert (response.status, response.read()) == (200, b"hello")
        wait_for(server, "page is over", before + 1)
        client.request("POST", "/page", body=b"wait")
        response = client.getresponse()
        assert response.read(5) == b"begun"
    wait_for(server, "page is over", before + 2)


def test_a_consumer_alone() -> None:
    """`hybrid serve module:consumer` serves one without routers, and complains of nothing; HTTP gets 404."""
    with start_server("consumers:echo", cwd=APPS, access_log=False) as server:
        with opened(server, "/any/path") as websocket:
            websocket.send("x")
            assert websocket.recv(timeout=DEADLINE) == "x"
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as client:
            client.request("GET", "/")
            assert client.getresponse().status == 404
    assert "Traceback" not in server.stderr


def test_the_server_stops() -> None:
    """Clients get 1012, and disconnect() is told so, though a handler waits."""
    with start_server("consumers:app", cwd=APPS, access_log=False, timeout_graceful_shutdown=3) as server:
        with opened(server, "/echo") as websocket, opened(server, "/sync") as sync:
            websocket.send("wait")
            wait_for(server, "waiting")
            server.signal(signal.SIGTERM)
            assert close_of(websocket) == (1012, "the server is stopping")
            assert close_of(sync) == (1012, "the server is stopping")
        server.wait()
        assert count(server, "left 1012") == 2
        assert count(server, "wait is over") == 1
