"""Two hundred requests at once, and no more database connections than the start has said."""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.databases import Postgres, Sqlite
from tests.support.django_desk import desk
from tests.support.postgres import PostgresServer, postgres
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import until

__all__ = ["postgres"]

pytestmark = pytest.mark.slow

Database = Sqlite | Postgres
#: How many requests there are at a time.
CROWD = 200
#: What they ask for, in turn, and whether they wait for the answer.
ASKED = (
    ("/use", True),
    ("/async/use", True),
    ("/fail", True),
    ("/async/fail", True),
    ("/use?seconds=0.05", False),
    ("/async/use?seconds=0.05", False),
)
MIDDLEWARE = "tests.apps.django_desk.load.Asks tests.apps.django_desk.load.asks_too"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database with tables in it."""
    if request.param == "sqlite":
        return Sqlite(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return Postgres(server)


def served(
    folder: Path, database: Database, rules: str = "", options: Mapping[str, object] | None = None, **env: str
) -> ServerProcess:
    """Serve the routes of the load, with connections that last; PostgreSQL accepts as many as are said."""
    (folder / "hybrid.toml").write_text(rules, encoding="utf-8")
    variables = {
        "DESK_URLS": "tests.apps.django_desk.load",
        "DESK_CONN_MAX_AGE": "600",
        "DESK_LEFT_OPEN": str(folder / "left-open"),
        "DESK_MIDDLEWARE": MIDDLEWARE,
        **database.environment,
        **env,
    }
    server = desk(folder, env=variables, **(options or {}))
    database.allow(announced(server))
    return server


def announced(server: ServerProcess) -> int:
    """Return the most connections that the start has said there can be."""
    found = re.search(r"at most (\d+) database connections", server.stderr)
    assert found, server.stderr
    return int(found[1])


async def visit(server: ServerProcess, path: str, *, waits: bool) -> str:
    """Ask, and return the status; or leave when the request is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        if not waits:
            return "left"
        answer = await asyncio.wait_for(reader.read(), DEADLINE)
        return answer.split(b" ", 2)[1].decode()
    finally:
        writer.close()


def crowd(server: ServerProcess, *asked: tuple[str, bool], count: int = CROWD) -> Counter[tuple[str, str]]:
    """Send all requests at once, and count what comes of them."""

    async def run() -> list[str]:
        return await asyncio.gather(*(visit(server, path, waits=waits) for path, waits in requests))

    requests = [asked[number % len(asked)] for number in range(count)]
    paths = (path for path, _ in requests)
    return Counter(zip(paths, asyncio.run(run()), strict=True))


@contextmanager
def watched(server: ServerProcess, database: Database) -> Generator[list[int]]:
    """Count connections again and again while the block runs."""
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            seen.append(database.connected(server))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(DEADLINE)


@pytest.mark.parametrize("lane", ["", "wsgi", "asgi"], ids=["default", "wsgi", "asgi"])
def test_a_crowd_has_no_more_connections_than_the_start_says(
    tmp_path: Path, database: Database, lane: str
) -> None:
    """On both lanes, and on each for all: functions, coroutines with the ORM, middleware that asks, views
    that fail, clients that leave. Connections are used again, and each one is closed when the server stops.
    """
    rules = f'[lanes]\n"/*" = "{lane}"\n' if lane else ""
    with served(tmp_path, database, rules) as server:
        most = announced(server)
        with watched(server, database) as seen:
            for _ in range(2):
                outcome = crowd(server, *ASKED)
                assert {status for (path, status) in outcome if "use?" in path} == {"left"}
                assert {status for (path, status) in outcome if path.endswith("/use")} == {"200"}, (
                    server.stderr
                )
                assert {status for (path, status) in outcome if "fail" in path} == {"500"}
        assert 1 < max(seen) <= most
        assert 1 <= database.connected(server) <= most
        assert database.connects(server) <= most, "of 400 requests, the others used what there was"
        for complaint in ("OperationalError", "ResourceWarning", "can only be used in that same thread"):
            assert complaint not in server.stderr, server.stderr
        assert server.terminate() == 0
    assert (tmp_path / "left-open").read_text() == "0"


def test_threads_that_are_given_up_are_counted(tmp_path: Path, database: Database) -> None:
    """They have their connections until their views end, and so many others take their place and no more."""
    options = {"threads": 3, "limit_stuck_threads": 2, "django_threads": 1, "timeout_request": 0.1}
    with served(tmp_path, database, options=options) as server:
        assert announced(server) == 3 + 2 + 1
        with watched(server, database) as seen:
            outcome = crowd(server, ("/use?seconds=0.4", True), count=20)
            until(lambda: server.stderr.count("has come back") == 20)
        assert outcome == {("/use?seconds=0.4", "504"): 20}
        assert 3 < max(seen) <= announced(server)
        assert server.terminate() == 0
    assert (tmp_path / "left-open").read_text() == "0"
    if isinstance(database, Postgres):
        until(lambda: database.connected(server) == 0)


@pytest.fixture
def on_postgres(postgres: PostgresServer) -> Postgres:
    """A database that can end connections by itself."""
    return Postgres(postgres)


def ask(server: ServerProcess, path: str, times: int) -> Counter[int]:
    """Ask, again and again, and count the statuses."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        return Counter(client.get(path).status_code for _ in range(times))


@pytest.mark.parametrize("path", ["/use", "/async/use"])
@pytest.mark.parametrize("checked", [False, True], ids=["unchecked", "CONN_HEALTH_CHECKS"])
def test_connections_that_the_database_has_ended_are_replaced(
    tmp_path: Path, on_postgres: Postgres, postgres: PostgresServer, path: str, *, checked: bool
) -> None:
    """At once with CONN_HEALTH_CHECKS, so that no request fails; without, the first to use one does."""
    env: dict[str, Any] = {"DESK_MIDDLEWARE": "", "DESK_CONN_HEALTH_CHECKS": "1" if checked else ""}
    with served(tmp_path, on_postgres, **env) as server:
        crowd(server, (path, True))
        ended = postgres.disconnect_all()
        assert ended >= 1
        until(lambda: on_postgres.connected(server) == 0)
        found = Counter(status for (_, status), n in crowd(server, (path, True)).items() for _ in range(n))
        failed = found["500"]
        assert found == Counter({"200": CROWD - failed, "500": failed})
        assert failed == 0 if checked else 1 <= failed <= ended
        assert ask(server, path, 10) == Counter({200: 10})
        assert on_postgres.connected(server) <= announced(server)
