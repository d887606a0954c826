"""Database connections: how many there are, on which threads, and what becomes of them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.django_desk import desk
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import until

PERSISTENT = {"DESK_CONN_MAX_AGE": "600"}


def ask(server: ServerProcess, path: str, times: int, at_once: int) -> None:
    """Ask for a path so many times."""
    with (
        httpx.Client(base_url=server.url, timeout=DEADLINE) as client,
        ThreadPoolExecutor(at_once) as threads,
    ):
        for answer in threads.map(lambda _: client.get(path), range(times)):
            assert answer.status_code == 200


def opened(server: ServerProcess) -> tuple[int, int]:
    """Return how many threads have used the database, and how many connections are open."""
    found = httpx.get(f"{server.url}/threads", timeout=DEADLINE).json()
    return len(found["used"]), found["open"]


@pytest.mark.parametrize("path", ["/users", "/async/users"])
def test_requests_one_after_the_other_share_connections(tmp_path: Path, path: str) -> None:
    """With CONN_MAX_AGE, on either lane: a thread that has not ended one leaves the next to another."""
    with desk(tmp_path, env=PERSISTENT) as server:
        with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
            for _ in range(30):
                until(lambda: client.get("/at-rest").json()["at_rest"])  # it has ended for Django, too
                assert client.get(path).status_code == 200
        used, count = opened(server)
        assert 1 <= used == count <= 5


def test_there_are_never_more_connections_than_the_start_says(tmp_path: Path) -> None:
    """However many requests there are at once, on both lanes."""
    with desk(tmp_path, env=PERSISTENT, threads=3, django_threads=2) as server:
        server.wait_for_stderr("at most 5 database connections in this process")
        for path in ("/users", "/async/users", "/users"):
            ask(server, path, times=70, at_once=20)
        used, count = opened(server)
        assert used <= 5
        assert 1 <= count <= 5


@pytest.mark.parametrize("path", ["/users", "/async/users"])
def test_connections_without_an_age_are_closed_after_each_request(tmp_path: Path, path: str) -> None:
    """By the thread that they belong to, or none could be: SQLite refuses others."""
    with desk(tmp_path) as server:
        ask(server, path, times=10, at_once=4)
        until(lambda: opened(server)[1] == 0)  # a response may be here before its request has ended
    assert "Traceback" not in server.stderr


def test_the_synchronous_code_of_a_request_has_one_thread(tmp_path: Path) -> None:
    """Of those of the asgi lane, whatever middleware and view do there."""
    with desk(tmp_path) as server:
        found = httpx.get(f"{server.url}/async/users", timeout=DEADLINE).json()
        assert found["thread"] == "MainThread"
        assert found["threads"][0].startswith("asgi-")
        assert opened(server)[0] == 1


def test_nothing_is_said_of_connections_without_a_database(tmp_path: Path) -> None:
    """Where there is none to connect to."""
    with desk(tmp_path, env={"DESK_ENGINE": "django.db.backends.dummy"}) as server:
        assert httpx.get(f"{server.url}/async", timeout=DEADLINE).status_code == 200
    assert "database connections" not in server.stderr
