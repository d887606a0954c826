"""Closing database connections that are too old or broken, and seeing from anywhere whether there are any.

Django's connections belong to threads. What a coroutine asks of the database runs on a thread of asgiref's;
to close connections there one has to visit it, which is not worth it where there is nothing to close.
"""

import os
import threading
import time
from collections.abc import Awaitable
from importlib import import_module
from typing import Any, Final
from weakref import ref

from asgiref.sync import sync_to_async

_db: Final[Any] = import_module("django.db")
_created: Final[Any] = import_module("django.db.backends.signals").connection_created

#: Threads of which are remembered that they have had connections; beyond that, those without are forgotten.
_MANY: Final = 64


class OpenConnections:
    """The database connections of this process, by thread. Any thread; looking takes no lock."""

    def __init__(self) -> None:
        self._lock = (
            threading.Lock()
        )  # guards changes of the dictionary, whose tuples are replaced as a whole
        self._by_thread: dict[int, tuple[ref[Any], ...]] = {}
        self._visited: frozenset[int] = frozenset()  # threads on which asgiref runs what coroutines ask for

    def __repr__(self) -> str:
        return f"<OpenConnections {len(self.all())}>"

    def note(self, connection: Any, **kwargs: Any) -> None:
        """Take note of a connection that has just been opened (the thread that has opened it)."""
        here = threading.get_ident()
        with self._lock:
            if len(self._by_thread) >= _MANY:
                self._forget_closed()
            others = tuple(each for each in self._by_thread.get(here, ()) if each() not in (None, connection))
            self._by_thread[here] = (*others, ref(connection))

    def all(self) -> list[Any]:
        """Return all that are open."""
        return [each for thread in tuple(self._by_thread) for each in self._of(thread)]

    def visit(self) -> Awaitable[None] | None:
        """Return what closes those that coroutines have used and that are to be closed; None for nothing."""
        threads = self._visited or tuple(self._by_thread)
        for thread in threads:
            for each in self._of(thread):
                if _is_due(each):
                    return self._visit()
        return None

    def forget(self) -> None:
        """Begin anew, in a forked process."""
        self._lock = threading.Lock()
        self._by_thread.clear()
        self._visited = frozenset()

    async def _visit(self) -> None:
        thread = await sync_to_async(_close_here)()
        if thread not in self._visited:
            self._visited |= {thread}

    def _of(self, thread: int) -> list[Any]:
        found = [each() for each in self._by_thread.get(thread, ())]
        return [each for each in found if each is not None and each.connection is not None]

    def _forget_closed(self) -> None:
        self._by_thread = {thread: known for thread, known in self._by_thread.items() if self._of(thread)}


def close_old_connections() -> None:
    """Close those of this thread that are too old or broken.

    Not within a transaction: Django's function of this name would end those that tests are, as they have
    switched autocommit off.
    """
    for each in _db.connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close_if_unusable_or_obsolete()


def close_broken_connections() -> None:
    """Close those of this thread that do not work any more, where the database has raised an error."""
    for each in _db.connections.all(initialized_only=True):
        if each.errors_occurred and not each.in_atomic_block:
            each.close_if_unusable_or_obsolete()


def _close_here() -> int:
    """Close them, and say which thread it is (worker)."""
    close_old_connections()
    return threading.get_ident()


def _is_due(connection: Any) -> bool:
    """Tell whether Django's ``close_if_unusable_or_obsolete`` has something to do. Any thread."""
    if connection.in_atomic_block:
        return False
    return bool(
        connection.errors_occurred
        or (connection.close_at is not None and time.monotonic() >= connection.close_at)
        or connection.autocommit != connection.settings_dict["AUTOCOMMIT"]
        or (connection.health_check_enabled and connection.health_check_done)
    )


#: Those of this process.
OPEN: Final = OpenConnections()

_created.connect(OPEN.note, dispatch_uid="hybrid.adapters.django")
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=OPEN.forget)
