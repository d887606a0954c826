"""Caddy with the Caddyfile of `deploy/caddy/`, in front of a real server."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.support.activation import activated
from tests.support.caddy import Caddy
from tests.support.callers import Callers
from tests.support.process import DEADLINE, Serve
from tests.support.redis import free_port

StartCaddy = Callable[[str], Caddy]


@pytest.fixture
def caddy(tmp_path: Path) -> Iterator[StartCaddy]:
    """Give `caddy(upstream)`, which starts Caddy in front of a server; it ends with the test."""
    with ExitStack() as started:
        yield lambda upstream: started.enter_context(Caddy(tmp_path, upstream))


def test_it_is_valid(tmp_path: Path) -> None:
    """Caddy reads the file, and finds it written as it would write it."""
    said = Caddy(tmp_path, "127.0.0.1:8000").check()
    assert "Valid configuration" in said
    assert "not formatted" not in said


def test_the_client_is_known(serve: Serve, caddy: StartCaddy, tmp_path: Path) -> None:
    """The application sees the client's address and host; what a client claims of itself is not believed."""
    serve("self_report:wsgi", uds=tmp_path / "s")
    front = caddy(f"unix/{tmp_path / 's'}")
    asking = http.client.HTTPConnection("127.0.0.1", front.port, DEADLINE, source_address=("127.0.0.2", 0))
    asking.request("GET", "/cart", headers={"X-Forwarded-For": "192.0.2.66", "X-Forwarded-Proto": "https"})
    told = json.loads(asking.getresponse().read())
    asking.close()
    assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("127.0.0.2", "http")
    assert told["HTTP_HOST"] == f"127.0.0.1:{front.port}"


def test_a_websocket(serve: Serve, caddy: StartCaddy) -> None:
    """The handshake comes through, and messages both ways."""
    front = caddy(f"127.0.0.1:{serve('websocket_echo').port}")
    with connect(f"ws://127.0.0.1:{front.port}/", max_size=None) as client:
        for message in ("hello", b"\x00" * 1_000_000):
            client.send(message)
            assert client.recv(DEADLINE) == message


def test_a_restart_behind_a_socket_of_systemd(serve: Serve, caddy: StartCaddy, tmp_path: Path) -> None:
    """The server ends and starts again on the socket that was passed to it, under load: no request fails."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(100)
        passed: dict[str, Any] = {"launcher": activated(listener), "pass_fds": [listener.fileno()]}
        server = serve("processes:wsgi", port=8000, **passed)
        front = caddy(f"unix/{tmp_path / 's'}")
        with Callers(front.port) as kept, Callers(front.port, kept=False) as others:
            kept.wait_for(50)
            assert server.terminate() == 0
            again = serve("processes:wsgi", port=8000, **passed)
            kept.wait_for(50)
            others.wait_for(50)
    for callers in (kept, others):
        assert callers.failures == []
        assert set(callers.answers) == {str(server.pid), str(again.pid)}


def test_a_restart_without_one(serve: Serve, caddy: StartCaddy) -> None:
    """While no server is there Caddy tries again: no request fails that is made meanwhile."""
    port = free_port()
    server = serve("processes:wsgi", port=port)
    front = caddy(f"127.0.0.1:{port}")
    with Callers(front.port) as kept, Callers(front.port, kept=False) as others:
        kept.wait_for(50)
        assert server.terminate() == 0
        again = serve("processes:wsgi", port=port)
        kept.wait_for(50)
        others.wait_for(50)
    for callers in (kept, others):
        assert callers.failures == []
        assert set(callers.answers) == {str(server.pid), str(again.pid)}
