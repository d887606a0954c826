"""WebSockets for those who have signed in with Django."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Origin

from tests.support.needs import require_module
from tests.support.process import DEADLINE, ROOT, ServerProcess, start_server
from tests.support.websocket_clients import close_of, opened


def served(folder: Path, **env: str) -> ServerProcess:
    """Serve the project and its WebSockets."""
    require_module("django")
    targets = ("tests.apps.django_sessions:app", "tests.apps.django_sessions:sockets")
    env = {"PYTHONPATH": str(ROOT), **env}
    return start_server(*targets, cwd=folder, env=env, access_log=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder with the database."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    """Serve the project."""
    with served(folder) as server:
        yield server
    assert "Traceback" not in server.stderr


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Give a client that keeps its cookies."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        yield client


def socket_of(
    server: ServerProcess, client: httpx.Client, origin: str = ""
) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket with the cookies of a client, as a browser does."""
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return opened(
        server, "/live", origin=Origin(origin or server.url), additional_headers={"Cookie": cookies}
    )


def refused(opening: AbstractContextManager[ClientConnection]) -> int:
    """Return the status with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as caught, opening:
        pass
    return caught.value.response.status_code


def test_signing_in(server: ServerProcess, client: httpx.Client) -> None:
    """Who has signed in is known, with the session; a visitor is not, nor another site's page."""
    assert refused(socket_of(server, client)) == 403
    client.get("/visit")
    assert refused(socket_of(server, client)) == 403
    number = client.get("/in/ann").text
    with socket_of(server, client) as websocket:
        user_id, user, rest = str(websocket.recv(timeout=DEADLINE)).split(", ", 2)
        assert (user_id, user) == (number, "ann")
        assert "'cart'" in rest
        two_weeks = 14 * 24 * 3600
        assert two_weeks - 60 < float(rest.rpartition(" ")[2]) - time.time() < two_weeks + 60
    assert refused(socket_of(server, client, "https://evil.example")) == 403
    client.cookies.clear()
    client.cookies.set("sessionid", "x" * 32)
    assert refused(socket_of(server, client)) == 403


@pytest.mark.parametrize("change", ["/out", "/change/password", "/change/is_active"])
def test_the_end_of_a_session(server: ServerProcess, client: httpx.Client, change: str) -> None:
    """Who signs out, has a new password, or is barred, is closed when it is asked again."""
    client.get("/in/bob" if change != "/change/is_active" else "/in/barred")
    cookies = httpx.Cookies(client.cookies)
    with socket_of(server, client) as websocket:
        websocket.recv(timeout=DEADLINE)
        websocket.send("still here")
        assert websocket.recv(timeout=DEADLINE) == "still here"
        client.get(change)
        assert close_of(websocket) == (4401, "the sign-in has ended")
    client.cookies = cookies
    assert refused(socket_of(server, client)) == 403


def test_a_secret_key_that_has_been_replaced(folder: Path) -> None:
    """A session that the old key vouches for is good, and stays the same: no cookie can be set here."""
    with served(folder, KEY="old") as server, httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        client.get("/in/ida")
        cookies = httpx.Cookies(client.cookies)
    with served(folder) as server, httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        client.cookies = cookies
        for _ in range(2):
            with socket_of(server, client) as websocket:
                assert ", ida, " in str(websocket.recv(timeout=DEADLINE))
