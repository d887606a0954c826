"""Hops: how often code goes from the event loop to a thread and back, or from a thread to a loop."""

from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync, markcoroutinefunction

from hybrid.adapters.django.lanes.observed.patches import Patch
from hybrid.adapters.django.lanes.observed.seen import current


def patches() -> list[Patch]:
    """Return what has to be replaced of asgiref's two adapters, so that each call of them is counted."""
    return [Patch(SyncToAsync, "__call__", _to_thread), Patch(AsyncToSync, "__call__", _counted)]


def _to_thread(call: Any) -> Any:
    return markcoroutinefunction(_counted(call))


def _counted(call: Any) -> Any:
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807 - in its place
        record = current()
        if record is not None:
            record.hops += 1
        return call(self, *args, **kwargs)

    return __call__
