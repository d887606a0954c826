"""Applications of ASGI 2 under `hybrid serve` (ASGI specification, "Legacy Applications")."""

import re

import httpx
import pytest
from websockets.sync.client import connect

from tests.conformance.conftest import check_quiet
from tests.support.process import DEADLINE, Serve, ServerProcess, run_hybrid

#: The targets whose interface can be found out, and those of which it must be said.
FOUND_OUT = ["Application", "function", "router", "WithLifespan"]
SAID = ["hidden", "named"]


def text_of(server: ServerProcess, path: str) -> str:
    """Ask for a path."""
    return httpx.get(server.url + path, timeout=DEADLINE).raise_for_status().text


def check_echo(server: ServerProcess, path: str) -> None:
    """Open a WebSocket, and have a message sent back."""
    url = server.url.replace("http", "ws", 1) + path
    with connect(url, open_timeout=DEADLINE, compression=None, proxy=None) as client:
        client.send("hello")
        assert client.recv(DEADLINE) == "hello"


@pytest.mark.parametrize("name", FOUND_OUT)
def test_found_out(serve: Serve, name: str) -> None:
    """A class, a function and an object of the old kind answer HTTP and WebSockets."""
    server = serve(f"/mount=asgi2:{name}")
    started = "yes" if name == "WithLifespan" else None
    assert text_of(server, "/mount/a") == f"/mount|/mount/a|{started}"
    check_echo(server, "/mount/a")
    check_quiet(server)


@pytest.mark.parametrize("name", FOUND_OUT + SAID)
def test_said(serve: Serve, name: str) -> None:
    """`--interface asgi2` says it of those that do not tell."""
    server = serve(f"asgi2:{name}", interface="asgi2")
    assert text_of(server, "/a").startswith("|/a|")
    check_echo(server, "/a")
    check_quiet(server)


@pytest.mark.parametrize("name", SAID)
def test_not_found_out(name: str) -> None:
    """Without that, one that does not tell is refused, in one line."""
    done = run_hybrid("serve", "--port=0", f"asgi2:{name}")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "expected (environ, start_response) for WSGI or (scope, receive, send) for ASGI" in line


def test_beside_others(serve: Serve) -> None:
    """One application of each kind on a port, each with its own way of being called."""
    server = serve("hello_wsgi", "/old=asgi2:Application", "/new=hello_asgi")
    assert text_of(server, "/") == "hello\n"
    assert text_of(server, "/old/a") == "/old|/old/a|None"
    assert text_of(server, "/new/") == "hello\n"
    check_echo(server, "/old/ws")


def test_routes() -> None:
    """`hybrid routes` shows which they are, and that they run on the loop."""
    done = run_hybrid("routes", "asgi2:Application", "/function=asgi2:function")
    assert done.returncode == 0, done.stderr
    _, *rows = (re.split(r"\s{2,}", line) for line in done.stdout.splitlines())
    assert rows == [
        ["/", "http, websocket", "asgi2:Application", "asgi2", "event loop"],
        ["/function", "http, websocket", "asgi2:function", "asgi2", "event loop"],
    ]
    done = run_hybrid("routes", "--interface=asgi2", "asgi2:hidden")
    assert done.stdout.splitlines()[1].split()[-4:] == ["asgi2:hidden", "asgi2", "event", "loop"]


@pytest.mark.parametrize("name", ["Broken", "BrokenLater"])
def test_failure(serve: Serve, name: str) -> None:
    """A failure in either step is a 500 and an error in the log, as with any application."""
    server = serve(f"asgi2:{name}", lifespan="off", access_log=True)
    assert httpx.get(server.url, timeout=DEADLINE).status_code == 500
    logged = server.wait_for_stderr("RuntimeError: failed on purpose")
    assert logged.count("GET /: the application failed") == 1
