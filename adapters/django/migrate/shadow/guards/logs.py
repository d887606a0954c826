"""What is logged while a request is tried: noted, and given to no handler.

Handlers write to files, send mail and report to services: that is what a request does in production. Here the
messages at WARNING and above are part of the outcome, and nothing else becomes of any.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.guards import replaced
from hybrid.adapters.django.migrate.shadow.runs import Run, current

#: Loggers of the lanes themselves.
_OWN: Final = "hybrid."


@contextmanager
def guard() -> Generator[None]:
    """Take what belongs to a run, whatever levels handlers have and whether loggers propagate."""
    call_handlers: Any = logging.Logger.callHandlers

    def take(self: logging.Logger, record: logging.LogRecord) -> None:
        run = current()
        if run is None:
            call_handlers(self, record)
        else:
            _note(run, record)

    with replaced(logging.Logger, callHandlers=take):
        yield


def _note(run: Run, record: logging.LogRecord) -> None:
    if record.name.startswith(_OWN):
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not run.exception:
            run.exception = f"{type(error).__name__}: {error}"
    elif record.levelno >= logging.WARNING:
        run.add("warnings", f"{record.name}: {_message(record)}")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, of which logging makes no error either
        return str(record.msg)
