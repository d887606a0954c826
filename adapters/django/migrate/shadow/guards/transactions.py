"""The transactions of guarded connections that are open, on all threads."""

import threading
from collections import defaultdict
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.guards.transaction import Transaction
from hybrid.adapters.django.migrate.shadow.runs import Run


class Transactions:
    """Those that are open. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[tuple[Any, Transaction]] = []

    def __repr__(self) -> str:
        return f"<Transactions {len(self._open)}>"

    def begin(self, wrapper: Any, run: Run | None) -> Transaction:
        """Begin one."""
        transaction = Transaction(wrapper, run)
        with self._lock:
            self._open.append((wrapper, transaction))
        return transaction

    def end(self, run: Run | None) -> None:
        """Roll all of them back, and note what is to be known of that."""
        with self._lock:
            ending, self._open = self._open, []
        threads: dict[str, dict[str, None]] = defaultdict(dict)
        for wrapper, transaction in ending:
            if run is not None and transaction.run is run:
                threads[wrapper.alias][transaction.thread] = None
            if not wrapper.end_guarded():
                with self._lock:
                    self._open.append((wrapper, transaction))
                if run is not None:
                    run.note(
                        f"{wrapper.alias}: a statement still runs; its transaction stays open until it ends"
                    )
        for alias, names in threads.items():
            if run is not None and len(names) > 1:
                run.note(
                    f"{alias}: {len(names)} connections, on {', '.join(names)}: each was in a transaction "
                    "of its own, and has not seen what the others had written"
                )


#: Those of this process.
OPEN: Final = Transactions()
