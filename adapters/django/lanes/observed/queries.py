"""Queries, and on how many database connections."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from hybrid.adapters.django.lanes.observed.seen import Seen, current

_connection_created: Any = import_module("django.db.backends.signals").connection_created
_NAME: Final = "hybrid.django.observed.queries"
#: Views on lanes that are remembered for a connection. With more of them all are counted again.
_USERS: Final = 4096


class Queries:
    """Counts the queries of one of Django's connection objects: one of its ``execute_wrappers``.

    Such an object belongs to a thread, and has one database connection after the other.
    """

    def __init__(self) -> None:
        self._users: set[Seen] = set()

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
        """Count a query and let it be made."""
        record = current()
        if record is not None:
            record.queries += 1
            if record.seen not in self._users:
                self._add(record.seen)
        return execute(sql, params, many, context)

    def reconnected(self) -> None:
        """There is another database connection, which nobody has used."""
        self._users.clear()

    def _add(self, seen: Seen) -> None:
        if len(self._users) >= _USERS:
            self._users.clear()
        self._users.add(seen)
        seen.connected()


def listen() -> None:
    """Count the queries of all connections that are made from now on."""
    _connection_created.connect(_connected, weak=False, dispatch_uid=_NAME)


def stop() -> None:
    """Count no others. Those that there are have nobody to count for."""
    _connection_created.disconnect(dispatch_uid=_NAME)


def _connected(sender: object, connection: Any, **others: object) -> None:
    wrappers: list[Any] = connection.execute_wrappers
    for each in wrappers:
        if isinstance(each, Queries):
            each.reconnected()
            return
    # In front: execute_wrapper(), around whose block this may be in, takes its own away from the end.
    wrappers.insert(0, Queries())
