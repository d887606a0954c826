"""What keeps a run of a request from changing anything, and notes what it would have done.

All of it counts for the whole process, from before the project is imported until the end.
"""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any


class GuardError(RuntimeError):
    """A run has tried what cannot be undone, or what it was part of is over."""


@contextmanager
def replaced(owner: Any, **values: Any) -> Generator[None]:
    """Let attributes of an object, a class or a module be others for a while."""
    missing: Any = object()
    before: dict[str, Any] = {name: owner.__dict__.get(name, missing) for name in values}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is missing:
                delattr(owner, name)
            else:
                setattr(owner, name, value)


def install() -> ExitStack:
    """Put all guards up, and return what takes them down again. Settings must have a name, and no more."""
    from hybrid.adapters.django.migrate.shadow.guards import (
        caches,
        celery,
        databases,
        layers,
        logs,
        mail,
        requests,
        sessions,
        tasks,
    )

    with ExitStack() as stack:
        for each in (logs, databases, caches, mail, celery, tasks, layers, sessions, requests):
            stack.enter_context(each.guard())
        return stack.pop_all()
