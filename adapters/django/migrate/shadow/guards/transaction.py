"""The one transaction of a guarded database connection, and the project's own within it.

A connection seems to do what it does in production: to commit each statement by itself, to begin, to commit,
to roll back, to close. Each of that happens to savepoints of one transaction, which is never committed.
"""

import threading
from contextlib import suppress
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.runs import Run

_WORK, _STATEMENT = "hybrid_work", "hybrid_statement"
#: Of which a statement that fails takes nothing else with it, so that it needs no savepoint.
_FORGIVING: Final = frozenset(("sqlite", "mysql", "oracle"))
#: Seconds that a statement may still take when its run is over, and after it has been called off.
_PATIENCE: Final = 1.0
_SQLITE_OK, _SQLITE_DENY, _SQLITE_TRANSACTION = 0, 1, 22


class Transaction:
    """That of one connection of the driver's. On the thread of the connection, but for :meth:`end`.

    Args:
        wrapper: Django's, whose connection is open.
        run: that it belongs to; None between two.

    Attributes:
        driver: the driver's connection.
        lock: held while a statement runs.
        works: whether the project has begun a transaction of its own.
        thread: the name of the thread.
    """

    def __init__(self, wrapper: Any, run: Run | None) -> None:
        self.driver = wrapper.connection
        self.run = run
        self.lock = threading.RLock()
        self.works = False
        self.thread = threading.current_thread().name
        self._ops = wrapper.ops
        self._vendor: str = wrapper.vendor
        self._saves = self._vendor not in _FORGIVING
        self._ending = False
        if self._vendor == "sqlite":
            self._begin_sqlite()
        else:
            wrapper.begin_for_good()
            self._execute(self._ops.savepoint_create_sql("hybrid_guard"))  # the driver begins with this
            with suppress(AttributeError, TypeError):  # written in C
                self.driver.commit = _refuse_commit

    def __repr__(self) -> str:
        return f"<Transaction of {self.driver!r}>"

    def _begin_sqlite(self) -> None:
        """Begin, and let SQLite itself refuse the end, also what the driver does before scripts."""
        self._execute("BEGIN")
        self.driver.set_authorizer(self._authorize)

    def _authorize(self, action: int, what: str | None, *others: Any) -> int:
        ends = action == _SQLITE_TRANSACTION and what in ("COMMIT", "ROLLBACK") and not self._ending
        return _SQLITE_DENY if ends else _SQLITE_OK

    def _execute(self, sql: str) -> None:
        if sql:
            cursor = self.driver.cursor()
            try:
                cursor.execute(sql)
            finally:
                cursor.close()

    # The project's own.

    def begin(self) -> None:
        """Begin one."""
        with self.lock:
            if not self.works:
                self._begin_again()
                self._execute(self._ops.savepoint_create_sql(_WORK))
                self.works = True

    def commit(self) -> None:
        """Keep what it has done, for this run."""
        with self.lock:
            if self.works:
                self.works = False
                self._release(_WORK)

    def roll_back(self) -> None:
        """Undo what it has done."""
        with self.lock:
            if self.works:
                self.works = False
                self._execute(self._ops.savepoint_rollback_sql(_WORK))
                self._release(_WORK)

    def execute(self, execute: Any, *args: Any, alone: bool) -> Any:
        """Run a statement; one that stands ``alone`` takes nothing else with it when it fails."""
        with self.lock:
            self._begin_again()
            if not (alone and self._saves):
                return execute(*args)
            self._execute(self._ops.savepoint_create_sql(_STATEMENT))
            try:
                result = execute(*args)
            except BaseException:
                with suppress(Exception):  # the connection may be lost, which is what is raised
                    self._execute(self._ops.savepoint_rollback_sql(_STATEMENT))
                    self._release(_STATEMENT)
                raise
            self._release(_STATEMENT)
            return result

    def _begin_again(self) -> None:
        """Begin where SQLite has given it up by itself: without, the first savepoint would begin one, and its
        release commit that.
        """
        if self._vendor == "sqlite" and not self.driver.in_transaction:
            self._execute("BEGIN")

    def _release(self, name: str) -> None:
        if self._vendor != "oracle":  # which has no such statement
            self._execute(self._ops.savepoint_commit_sql(name))

    # Any thread.

    def end(self) -> bool:
        """Roll all of it back; return False where a statement does not let go of the connection."""
        if not self.lock.acquire(timeout=_PATIENCE):
            call_off: Any = getattr(self.driver, "interrupt", None) or getattr(self.driver, "cancel", None)
            if call_off is not None:
                with suppress(Exception):
                    call_off()
            if not self.lock.acquire(timeout=_PATIENCE):
                return False
        try:
            self._ending = True
            with suppress(Exception):  # a connection that is broken has nothing left to undo
                self.driver.rollback()
            with suppress(AttributeError, TypeError):
                del self.driver.commit
            if self._vendor == "sqlite":
                self.driver.set_authorizer(None)
        finally:
            self.lock.release()
        return True


def _refuse_commit() -> None:
    from hybrid.adapters.django.migrate.shadow.guards import GuardError

    raise GuardError("the driver's connection was to commit: nothing is committed while requests are tried")
