"""`--limit-concurrency` of a real process: a queue in order, and 503 beyond it."""

import http.client
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.process import Serve, ServerProcess
from tests.support.sockets import DEADLINE

TARGETS = ["/asgi=held", "/wsgi=held:wsgi", "/other=hello_asgi"]


class Held:
    """A server whose applications hold each request until it is let go."""

    def __init__(self, server: ServerProcess, free: Path, stack: ExitStack) -> None:
        self.server = server
        self._free = free
        self._stack = stack

    def send(self, path: str) -> socket.socket:
        """Send a request and return the socket."""
        client = self._stack.enter_context(closing(socket.create_connection(("127.0.0.1", self.server.port))))
        client.settimeout(DEADLINE)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return client

    def begin(self, path: str) -> socket.socket:
        """Send a request and wait until its application has it."""
        client = self.send(path)
        self.wait_for(path)
        return client

    def wait_for(self, path: str) -> None:
        """Wait until an application has a request."""
        self.server.wait_for_stderr(f"begun {path.rpartition('/')[2]}\n")

    def let_go(self, *names: str) -> None:
        """Let requests be answered."""
        for name in names:
            (self._free / name).touch()

    def begun(self, count: int) -> list[str]:
        """Return the names of the requests that applications have had, in order, once there are so many."""
        text = self.server.wait_for_stderr(re.compile(rf"(?s)(?:begun \w+\n.*?){{{count}}}"))
        return [line[6:] for line in text.splitlines() if line.startswith("begun ")]


@pytest.fixture
def hold(serve: Serve, tmp_path: Path) -> Iterator[Callable[..., Held]]:
    """Give `hold(**options)`, which serves :data:`TARGETS`."""
    free = tmp_path / "free"
    free.mkdir()
    with ExitStack() as stack:
        yield lambda **options: Held(serve(*TARGETS, env={"FREE": str(free)}, **options), free, stack)


def answer(client: socket.socket) -> http.client.HTTPResponse:
    """Read a response."""
    response = http.client.HTTPResponse(client)
    response.begin()
    return response


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_order(hold: Callable[..., Held], loop: str) -> None:
    """Two are answered at a time, whatever their applications run on, the others in order, all with 200."""
    held = hold(limit_concurrency=2, loop=loop)
    clients = {name: held.begin(f"/{kind}/{name}") for kind, name in (("asgi", "a"), ("wsgi", "b"))}
    for number in range(8):
        name = f"n{number}"
        clients[name] = held.send(f"/{('asgi', 'wsgi')[number % 2]}/{name}")
        # The next one must not overtake it on the way: it waits when an idle connection is answered after it.
        assert connect_and_look(held)
    assert held.begun(2) == ["a", "b"]
    for number, name in enumerate(clients):
        held.let_go(name)
        assert answer(clients[name]).read() == name.encode()
        if number < 8:
            held.wait_for(f"/n{number}")
    assert held.begun(10) == list(clients)


def connect_and_look(held: Held) -> bool:
    """Have the server do something after what it was sent before: refuse what is no request."""
    with closing(socket.create_connection(("127.0.0.1", held.server.port), DEADLINE)) as client:
        client.sendall(b"nonsense\r\n\r\n")
        return client.recv(12) == b"HTTP/1.1 400"


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_beyond_the_queue(hold: Callable[..., Held], kind: str) -> None:
    """A full queue is a 503 with Retry-After at once, everywhere; what waits is answered all the same."""
    held = hold(limit_concurrency=1, limit_concurrency_queue=2)
    first = held.begin(f"/{kind}/a")
    waiting = {name: held.send(f"/{kind}/{name}") for name in ("b", "c")}
    assert connect_and_look(held)
    for path in (f"/{kind}/d", "/other"):
        response = answer(held.send(path))
        assert (response.status, response.read()) == (503, b"Service Unavailable")
        assert response.getheader("retry-after") == "1"
        assert response.getheader("connection") == "close"
    refusal = "b'/other' HTTP/1.1>: refused, limit_concurrency: 1 are being answered, 2 wait"
    held.server.wait_for_stderr(refusal)
    held.let_go("a", "b", "c")
    assert answer(first).status == 200
    assert {name: answer(client).read() for name, client in waiting.items()} == {"b": b"b", "c": b"c"}
    assert answer(held.send("/other")).status == 200


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_waiting_too_long(hold: Callable[..., Held], kind: str) -> None:
    """Who waits too long gets the 503, and the application never sees the request."""
    held = hold(limit_concurrency=1, limit_concurrency_timeout=0.1)
    first = held.begin(f"/{kind}/a")
    response = answer(held.send(f"/{kind}/b"))
    assert (response.status, response.getheader("retry-after")) == (503, "1")
    held.let_go("a")
    assert answer(first).status == 200
    assert held.begun(1) == ["a"]
    held.server.wait_for_stderr("refused, it has waited too long")


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_clients_that_leave(hold: Callable[..., Held], kind: str) -> None:
    """Clients that leave the queue make room in it, and are never served."""
    held = hold(limit_concurrency=1, limit_concurrency_queue=3)
    first = held.begin("/asgi/a")
    for _ in range(3):
        leaving = [held.send(f"/{kind}/left") for _ in range(3)]
        assert connect_and_look(held)
        for client in leaving:
            client.close()
        assert connect_and_look(held)
    waiting = [held.send(f"/{kind}/b") for _ in range(3)]
    held.let_go("a", "b")
    assert answer(first).status == 200
    assert [answer(client).read() for client in waiting] == [b"b"] * 3
    assert held.begun(4) == ["a", "b", "b", "b"]


def test_stop_with_a_queue(hold: Callable[..., Held]) -> None:
    """SIGTERM lets those who wait have their answers, too."""
    held = hold(limit_concurrency=1)
    clients = {name: held.send(f"/{('asgi', 'wsgi')[name in 'bd']}/{name}") for name in "abcd"}
    assert connect_and_look(held)
    held.server.signal(signal.SIGTERM)
    held.server.wait_for_stderr("stopping, after")
    held.let_go(*"abcd")
    assert {name: answer(client).read() for name, client in clients.items()} == {
        name: name.encode() for name in clients
    }
    assert held.server.wait() == 0


def test_idle_connections(hold: Callable[..., Held]) -> None:
    """Connections without a request do not count, however many there are."""
    held = hold(limit_concurrency=1, limit_concurrency_queue=0)
    for _ in range(20):
        assert answer(held.send("/other")).read() == b"hello\n"
    assert answer(held.send("/other")).status == 200
