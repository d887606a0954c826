"""Connections of Django's that never commit, and seem to."""

from contextlib import suppress
from typing import Any

from hybrid.adapters.django.migrate.shadow.guards import GuardError
from hybrid.adapters.django.migrate.shadow.guards.statements import comparable, refused, text_of
from hybrid.adapters.django.migrate.shadow.guards.transaction import Transaction
from hybrid.adapters.django.migrate.shadow.guards.transactions import OPEN
from hybrid.adapters.django.migrate.shadow.runs import Run, current


class Guarded:
    """What a guarded connection does otherwise than its own class, which comes after this one."""

    connection: Any
    _hybrid: Transaction | None = None
    _hybrid_connects = False
    #: The driver's connection that the project has closed, for when it opens another in the same run.
    _hybrid_closed: Any = None

    def ensure_connection(self) -> None:
        """Open one, unless the run is over that this is done for."""
        own: Any = self
        run = current()
        if run is not None and run.over:
            raise GuardError(f"{own.alias}: {run.name} is over, and has no part in the database any more")
        if own.closed_in_transaction and self._hybrid is not None and own.connection is not None:
            with own.wrap_database_errors:
                raise _is_closed(own)
        super().ensure_connection()  # type: ignore[misc]
        if self._hybrid is None and not self._hybrid_connects:
            self._hybrid_begin(run)

    def connect(self) -> None:
        """Open one, or the one again that has been closed in this run."""
        own: Any = self
        if self._hybrid_closed is not None:
            own.in_atomic_block = own.needs_rollback = own.closed_in_transaction = own.errors_occurred = False
            own.savepoint_ids, own.atomic_blocks, own.run_on_commit = [], [], []
            self.connection, self._hybrid_closed = self._hybrid_closed, None
            own.set_autocommit(own.settings_dict["AUTOCOMMIT"])
            return
        self._hybrid_connects = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._hybrid_connects = False
        self._hybrid_begin(current())

    def _hybrid_begin(self, run: Run | None) -> None:
        own: Any = self
        self._hybrid = OPEN.begin(own, run)
        if not own.autocommit:
            self._hybrid.begin()
        if self._hybrid_execute not in own.execute_wrappers:
            own.execute_wrappers.insert(0, self._hybrid_execute)

    def unwatch(self) -> None:
        """Look at statements no longer."""
        own: Any = self
        own.execute_wrappers = [each for each in own.execute_wrappers if each != self._hybrid_execute]

    def begin_for_good(self) -> None:
        """Let the driver begin a transaction."""
        super()._set_autocommit(False)  # type: ignore[misc]

    def _hybrid_execute(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        own: Any = self
        if self._hybrid is None:  # while it is opened
            return execute(sql, params, many, context)
        run = current()
        if run is not None and run.over:
            raise GuardError(f"{own.alias}: {run.name} is over, and has no part in the database any more")
        text = text_of(sql, self._hybrid.driver)
        self._hybrid_say(comparable(text))
        if what := refused(text, rolls_back_definitions=own.features.can_rollback_ddl):
            if run is not None:
                run.note(f"{own.alias}: {what} was refused, as it could not be undone")
            raise GuardError(f"{own.alias}: {what} could not be undone")
        alone = own.autocommit and not own.in_atomic_block
        return self._hybrid.execute(execute, sql, params, many, context, alone=alone)

    def _hybrid_say(self, what: str) -> None:
        run = current()
        if run is not None:
            run.add("queries", f"{getattr(self, 'alias', '')}: {what}")

    def _set_autocommit(self, autocommit: bool) -> None:
        if self._hybrid is None:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
        elif autocommit:
            self._hybrid.commit()
        else:
            self._start_transaction_under_autocommit()

    def _start_transaction_under_autocommit(self) -> None:
        """Begin a transaction of the project's, also where this is not called with another backend."""
        if self._hybrid is not None:
            self._hybrid_say("BEGIN")
            self._hybrid.begin()

    def _commit(self) -> None:
        if self.connection is not None and self._hybrid is not None:
            self._hybrid_say("COMMIT")
            self._hybrid.commit()
            self._hybrid_go_on()

    def _rollback(self) -> None:
        if self.connection is not None and self._hybrid is not None:
            self._hybrid_say("ROLLBACK")
            self._hybrid.roll_back()
            self._hybrid_go_on()

    def _hybrid_go_on(self) -> None:
        """Begin the next transaction where the project does not want each statement to be one."""
        own: Any = self
        if not own.autocommit and self._hybrid is not None and not own.in_atomic_block:
            self._hybrid.begin()

    def _close(self) -> None:
        if self._hybrid is None:
            super()._close()  # type: ignore[misc]
            return
        if self._hybrid_is_lost(self._hybrid):
            self._hybrid.end()
            self._hybrid = None
            super()._close()  # type: ignore[misc]
        else:
            self._hybrid_closed = self.connection

    def _hybrid_is_lost(self, transaction: Transaction) -> bool:
        """Undo what the project has begun; tell whether the connection is broken, its transaction gone."""
        own: Any = self
        try:
            transaction.roll_back()
            return own.errors_occurred and not own.is_usable()
        except Exception:  # noqa: BLE001 - whatever a driver raises for it
            return True

    def on_commit(self, func: Any, robust: bool = False) -> None:
        """Note what is to be done after a commit, which nothing can undo, and so is not done."""
        super().on_commit(_Noted(func), robust)  # type: ignore[misc]

    def end_guarded(self) -> bool:
        """Roll all back and close it, from whatever thread; False where a statement still runs."""
        own: Any = self
        transaction = self._hybrid
        if transaction is None:
            return True
        if not transaction.end():
            return False
        self._hybrid = None
        self.connection = self.connection or self._hybrid_closed
        self._hybrid_closed = None
        own.in_atomic_block = own.needs_rollback = own.closed_in_transaction = False
        own.savepoint_ids, own.atomic_blocks, own.run_on_commit = [], [], []
        own.savepoint_state = 0  # names of savepoints are the same in each run
        if own.vendor == "sqlite" and own.is_in_memory_db():
            return True  # it would be gone
        with suppress(Exception):
            super()._close()  # type: ignore[misc]
        self.connection = None
        return True


def _is_closed(wrapper: Any) -> Exception:
    """Return what a driver raises whose connection is closed."""
    error: Any = wrapper.Database
    if wrapper.vendor == "sqlite":
        return error.ProgrammingError("Cannot operate on a closed database.")  # type: ignore[no-any-return]
    return error.OperationalError("the connection is closed")  # type: ignore[no-any-return]


class _Noted:
    """A function that waits for a commit."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self.__qualname__ = _name_of(function)

    def __call__(self) -> None:
        run = current()
        if run is not None:
            run.add("sent", f"on commit: {self.__qualname__}")


def _name_of(function: Any) -> str:
    inner = getattr(function, "func", function)  # of a partial
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return f"{getattr(inner, '__module__', '')}.{name}"
