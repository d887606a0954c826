"""SynchronousOnlyOperation: each that is raised, whoever may swallow it."""

from importlib import import_module
from typing import Any

from hybrid.adapters.django.lanes.observed.frames import caller_spot
from hybrid.adapters.django.lanes.observed.patches import Patch
from hybrid.adapters.django.lanes.observed.seen import current

SynchronousOnlyOperation: Any = import_module("django.core.exceptions").SynchronousOnlyOperation


def patches() -> list[Patch]:
    """Return what has to be replaced so that each is counted, with the line that it comes from."""
    return [Patch(SynchronousOnlyOperation, "__init__", _beginning)]


def _beginning(begin: Any) -> Any:
    def __init__(self: Any, *args: Any) -> None:  # noqa: N807 - in its place
        begin(self, *args)
        record = current()
        if record is not None:
            record.seen.happens("synchronous_only", caller_spot(), " ".join(map(str, args))[:200])

    return __init__
