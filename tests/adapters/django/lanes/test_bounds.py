"""How many database connections the start says that there can be."""

from typing import Any

import pytest

from hybrid.adapters.django.lanes.bounds import ThreadCounts, connections_line

POSTGRES = "django.db.backends.postgresql"
ORACLE = "django.db.backends.oracle"
OWN: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}}


def pooled(pool: Any, engine: str = POSTGRES) -> dict[str, Any]:
    """Return a database with such a pool."""
    return {"ENGINE": engine, "OPTIONS": {"pool": pool}}


@pytest.mark.parametrize(
    ("databases", "most", "whose"),
    [
        ({"default": OWN}, 9, "each with its own to default; WebSockets have others"),
        ({"default": OWN, "other": OWN}, 18, "each with its own to default, other; WebSockets have others"),
        ({"default": pooled({"max_size": 7})}, 7, "with a pool of 7 to default"),
        ({"default": pooled({"min_size": 3, "max_size": None})}, 3, "with a pool of 3 to default"),
        ({"default": pooled(True)}, 4, "with a pool of 4 to default"),
        ({"default": pooled({"max": 5}, ORACLE)}, 5, "with a pool of 5 to default"),
        ({"default": pooled(True, ORACLE)}, 2, "with a pool of 2 to default"),
        ({"default": pooled(False)}, 9, "each with its own to default; WebSockets have others"),
        (
            {"default": pooled(True), "other": OWN},
            13,
            "each with its own to other, with a pool of 4 to default; WebSockets have others",
        ),
    ],
)
def test_connections_are_bounded_by_threads_or_by_a_pool(
    databases: dict[str, Any], most: int, whose: str
) -> None:
    """A thread has one to each database, unless all share those of a pool, as WebSockets do."""
    assert connections_line(databases, ThreadCounts(4, 0, 5), beside=True) == (
        f"at most {most} database connections in this process: 4 threads of the wsgi lane and 5 of the asgi "
        f"lane, {whose}"
    )


def test_without_a_database_nothing_is_said() -> None:
    """Django's default has a backend that cannot connect."""
    databases = {"default": {"ENGINE": "django.db.backends.dummy"}}
    assert connections_line(databases, ThreadCounts(4, 0, 5), beside=True) == ""
