"""WebSockets for those who have signed in with Django."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.needs import require_module
from tests.support.process import DEADLINE, ROOT, ServerProcess, start_server
from tests.support.websocket_clients import close_of, opened_by_page, status_of


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


def test_signing_in(server: ServerProcess, client: httpx.Client) -> None:
    """Who has signed in is known, with the session; a visitor is not, nor another site's page."""
    assert status_of(opened_by_page(server, "/live", client)) == 403
    client.get("/visit")
    assert status_of(opened_by_page(server, "/live", client)) == 403
    number = client.get("/in/ann").text
    with opened_by_page(server, "/live", client) as websocket:
        user_id, user, rest = str(websocket.recv(timeout=DEADLINE)).split(", ", 2)
        assert (user_id, user) == (number, "ann")
        assert "'cart'" in rest
        two_weeks = 14 * 24 * 3600
        assert two_weeks - 60 < float(rest.rpartition(" ")[2]) - time.time() < two_weeks + 60
    assert status_of(opened_by_page(server, "/live", client, "https://evil.example")) == 403
    client.cookies.clear()
    client.cookies.set("sessionid", "x" * 32)
    assert status_of(opened_by_page(server, "/live", client)) == 403


@pytest.mark.parametrize("change", ["/out", "/change/password", "/change/is_active"])
def test_the_end_of_a_session(server: ServerProcess, client: httpx.Client, change: str) -> None:
    """Who signs out, has a new password, or is barred, is closed when it is asked again."""
    client.get("/in/bob" if change != "/change/is_active" else "/in/barred")
    cookies = httpx.Cookies(client.cookies)
    with opened_by_page(server, "/live", client) as websocket:
        websocket.recv(timeout=DEADLINE)
        websocket.send("still here")
        assert websocket.recv(timeout=DEADLINE) == "still here"
        client.get(change)
        assert close_of(websocket) == (4401, "the sign-in has ended")
    client.cookies = cookies
    assert status_of(opened_by_page(server, "/live", client)) == 403


def test_a_secret_key_that_has_been_replaced(folder: Path) -> None:
    """A session that the old key vouches for is good, and stays the same: no cookie can be set here."""
    with served(folder, KEY="old") as server, httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        client.get("/in/ida")
        cookies = httpx.Cookies(client.cookies)
    with served(folder) as server, httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        client.cookies = cookies
        for _ in range(2):
            with opened_by_page(server, "/live", client) as websocket:
                assert ", ida, " in str(websocket.recv(timeout=DEADLINE))
