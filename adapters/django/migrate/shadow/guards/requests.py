"""What Django's signals tell of a request: what it has raised, and how often it has begun and ended.

When it begins, it becomes the request of the user that it is to be of.
"""

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.guards.sessions import cookie_of
from hybrid.adapters.django.migrate.shadow.runs import current

_signals: Final[Any] = import_module("django.core.signals")


@contextmanager
def guard() -> Generator[None]:
    """Listen."""
    listened: list[tuple[Any, Callable[..., None]]] = [
        (_signals.got_request_exception, _raised),
        (_signals.request_started, _started),
        (_signals.request_finished, _finished),
    ]
    for signal, receiver in listened:
        signal.connect(receiver, dispatch_uid="hybrid.shadow")
    try:
        yield
    finally:
        for signal, _ in listened:
            signal.disconnect(dispatch_uid="hybrid.shadow")


def _raised(**kwargs: Any) -> None:
    run, error = current(), sys.exc_info()[1]
    if run is not None and error is not None:
        run.exception = f"{type(error).__name__}: {error}"


def _started(**kwargs: Any) -> None:
    """Count it, and let the request be a user's: on the thread that its database connections belong to."""
    run = current()
    if run is None:
        return
    run.started += 1
    if run.user:
        with run.unwatched():
            cookie = cookie_of(run.user)
        environ: dict[str, Any] | None = kwargs.get("environ")
        scope: Any = kwargs.get("scope")
        if environ is not None:
            environ["HTTP_COOKIE"] = "; ".join(filter(None, (environ.get("HTTP_COOKIE"), cookie)))
        if scope is not None:
            scope["headers"] = _with_cookie(scope["headers"], cookie.encode("latin-1"))


def _with_cookie(headers: Iterable[tuple[bytes, bytes]], cookie: bytes) -> list[tuple[bytes, bytes]]:
    """Add a cookie to those that there are: Django's handler puts a comma between several fields."""
    fields = [*headers]
    at = next((at for at, (name, _) in enumerate(fields) if name == b"cookie"), None)
    if at is None:
        return [*fields, (b"cookie", cookie)]
    fields[at] = b"cookie", b"; ".join(filter(None, (fields[at][1], cookie)))
    return fields


def _finished(**kwargs: Any) -> None:
    run = current()
    if run is not None:
        run.finished += 1
