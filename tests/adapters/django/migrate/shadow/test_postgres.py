"""The same with PostgreSQL, where an error ends a transaction, and cursors belong to one."""

import json
from collections.abc import Generator

import psycopg
import pytest

from hybrid.adapters.django.migrate.shadow.elsewhere import Elsewhere, Settings
from hybrid.adapters.django.migrate.shadow.exchanges import Request
from tests.support.needs import require_module
from tests.support.postgres import PostgresServer, postgres
from tests.support.till import PROJECT, Till
from tests.support.waiting import until

__all__ = ["postgres"]

require_module("django")
require_module("celery")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lanes(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Elsewhere]:
    """Both lanes of the project, with its data in PostgreSQL."""
    till = Till(tmp_path_factory.mktemp("till"), postgres.environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in till.environment.items():
            patch.setenv(name, value)
        with Elsewhere(Settings(directory=str(PROJECT), limit=20.0)) as found:
            yield found


@pytest.fixture(params=["wsgi", "asgi"])
def lane(request: pytest.FixtureRequest) -> str:
    """Each lane."""
    name: str = request.param
    return name


def rows(server: PostgresServer) -> int:
    """Count what anybody else sees."""
    said = server.environment
    with psycopg.connect(host=said["PGHOST"], user=said["PGUSER"], dbname=said["PGDATABASE"]) as connection:
        (count,) = connection.execute("SELECT count(*) FROM till_coin").fetchone() or (-1,)
    return int(count)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/writes/", ["penny"]),
        ("/writes_async/", ["penny"]),
        ("/closes/", ["penny"]),
        ("/closes_within/", ["OperationalError"]),
        ("/fails_once/", ["groat", "penny"]),
        ("/manages/", ["groat"]),
        ("/knows_transactions/", [False, True, True, False]),
        ("/iterates/", [f"coin {number}" for number in range(5)]),
        ("/on_a_thread/", []),
        ("/loses_the_connection/", ["groat"]),
        ("/commits/", ["GuardError", "GuardError", "GuardError", "AttributeError"]),
    ],
    ids=lambda each: each.strip("/") if isinstance(each, str) else "answer",
)
def test_databases_stay_as_they_are(
    lanes: Elsewhere, postgres: PostgresServer, lane: str, path: str, answer: list[object]
) -> None:
    """A view sees what it has written, as in production, and nobody else ever does."""
    outcome = lanes.run(Request("GET", path), lane)
    assert (outcome.status, outcome.exception) == (200, "")
    assert json.loads(outcome.body) == answer
    assert rows(postgres) == 0


def test_a_lock_without_a_transaction(lanes: Elsewhere, lane: str) -> None:
    """What Django refuses outside of a transaction is refused here too."""
    outcome = lanes.run(Request("GET", "/locks/"), lane)
    assert outcome.exception == (
        "TransactionManagementError: select_for_update cannot be used outside of a transaction."
    )


def test_a_statement_without_end(lanes: Elsewhere, postgres: PostgresServer, lane: str) -> None:
    """It is called off when the time is over, and nothing holds the rows any more."""
    outcome = lanes.run(Request("GET", "/waits_in_the_database/"), lane, limit=0.5)
    assert not outcome.complete
    until(lambda: postgres.connected() == 0)
    assert rows(postgres) == 0
    assert json.loads(lanes.run(Request("GET", "/writes/"), lane).body) == ["penny"]
