"""What happens in the project, in a file that tests read: one line for each event, in order."""

import os
from typing import Any

from django.core.signals import (  # type: ignore[import-untyped]
    got_request_exception,
    request_finished,
    request_started,
)


def note(event: str) -> None:
    """Note an event. Any thread; a line is written at once."""
    descriptor = os.open(os.environ["ALIKE_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, f"{event}\n".encode())
    finally:
        os.close(descriptor)


def _started(sender: Any, **kwargs: Any) -> None:
    given = " and ".join(name for name in ("environ", "scope") if name in kwargs)
    note(f"started with {given} by {sender.__name__}")


def _finished(sender: Any, **kwargs: Any) -> None:
    note(f"finished by {sender.__name__}")


def _failed(sender: Any, **kwargs: Any) -> None:
    note("exception")


request_started.connect(_started)
request_finished.connect(_finished)
got_request_exception.connect(_failed)
