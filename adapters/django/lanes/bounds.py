"""How many database connections a process can have."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

_NO_DATABASE: Final = "django.db.backends.dummy"


class ThreadCounts(NamedTuple):
    """How many threads there can be of each kind.

    Attributes:
        pool: of the wsgi lane.
        stuck: others of it that were given up, and still run.
        sticky: of the asgi lane.
    """

    pool: int
    stuck: int
    sticky: int


def connections_line(databases: Mapping[str, Any], threads: ThreadCounts, *, beside: bool) -> str:
    """Say how many database connections there can be, beside those of WebSockets; nothing where there is no
    database.

    Args:
        databases: Django's ``DATABASES``, with its defaults.
        threads: how many may have connections.
        beside: whether there are WebSockets.
    """
    sizes = {alias: _pool_size(said) for alias, said in databases.items() if said["ENGINE"] != _NO_DATABASE}
    if not sizes:
        return ""
    own = [alias for alias, size in sizes.items() if size is None]
    pooled = {alias: size for alias, size in sizes.items() if size is not None}
    whose = [f"with a pool of {size} to {alias}" for alias, size in pooled.items()]
    if own:
        whose.insert(0, f"each with its own to {', '.join(own)}")
    given_up = f", {threads.stuck} more that were given up and still run," if threads.stuck else ""
    return (
        f"at most {sum(threads) * len(own) + sum(pooled.values())} database connections in this process: "
        f"{threads.pool} threads of the wsgi lane{given_up} and {threads.sticky} of the asgi lane, "
        f"{', '.join(whose)}{'; WebSockets have others' if beside and own else ''}"
    )


def _pool_size(database: Mapping[str, Any]) -> int | None:
    """Return how many connections a database's pool has at most; None where each thread has one of its own.

    Django hands ``OPTIONS["pool"]`` on: what is not there is as psycopg_pool and oracledb have it.
    """
    pool = database.get("OPTIONS", {}).get("pool")
    if not pool:
        return None
    options = cast("Mapping[str, Any]", pool if isinstance(pool, Mapping) else {})
    if database["ENGINE"].endswith("oracle"):
        return int(options.get("max", 2))
    return int(options.get("max_size") or options.get("min_size", 4))
