"""Paths that lead nowhere, behind real servers: a status for the client, and no traceback in the log."""

import http.client
from collections.abc import Iterator
from contextlib import closing

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ServerProcess, start_server
from tests.support.uvicorn import start_uvicorn
from tests.support.websocket_clients import opened


@pytest.fixture(scope="module", params=["hybrid", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Serve the routers; nothing is an error here, nor has it a traceback under uvicorn, which logs an error
    for any refusal with a status.
    """
    if request.param == "uvicorn":
        require_module("uvicorn")
        server: ServerProcess = start_uvicorn("routers:app", cwd=APPS)
    else:
        server = start_server("routers:app", cwd=APPS, access_log=False)
    with server:
        yield server
    assert "Traceback" not in server.stderr
    assert request.param == "uvicorn" or "ERROR" not in server.stderr


def status_of(server: ServerProcess, path: str, host: str = "localhost") -> tuple[int, bytes]:
    """Ask for a path."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as connection:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read()


def test_routes(server: ServerProcess) -> None:
    """What leads somewhere does, through all routers and for both protocols."""
    for path, found in (("/rooms/7", "{'room': %s}"), ("/nested/acme/7", "{'org': 'acme', 'room': %s}")):
        assert status_of(server, path) == (200, (found % "7").encode())
        with opened(server, path) as websocket:
            assert websocket.recv(timeout=DEADLINE) == found % "'7'"


@pytest.mark.parametrize(
    ("path", "web", "socket"),
    [
        ("/", 404, 404),
        ("/rooms", 404, 404),
        ("/rooms/x", 404, 404),
        ("/rooms/7/", 404, 404),
        ("/rooms//7", 404, 404),
        ("/rooms/%2e%2e/7%0a", 404, 404),
        ("/gone/x", 410, 410),
        ("/nested/", 404, 404),
        ("/nested/acme/x", 451, 451),
        ("/web/x", 402, 404),
        ("/sockets/x", 404, 402),
    ],
)
def test_no_route(server: ServerProcess, path: str, web: int, socket: int) -> None:
    """A request gets the status that the developer chose, or 404, and so does a handshake."""
    assert status_of(server, path)[0] == web
    with pytest.raises(InvalidStatus) as refused, opened(server, path):
        pass
    assert refused.value.response.status_code == socket


def test_no_host(server: ServerProcess) -> None:
    """Another host has another answer."""
    assert status_of(server, "/rooms/7", "other.example:80")[0] == 421
