"""Streams that Django collects in memory, as they are iterated over from the other side."""

from typing import Any

from hybrid.adapters.django.lanes.observed.frames import caller_spot
from hybrid.adapters.django.lanes.observed.patches import Patch
from hybrid.adapters.django.lanes.observed.seen import current
from hybrid.adapters.django.lanes.parts import StreamingHttpResponse


def patches() -> list[Patch]:
    """Return what has to be replaced so that each is counted: where Django warns that it
    ``must consume`` an iterator of the other kind.
    """
    return [
        Patch(StreamingHttpResponse, "__iter__", _iterated),
        Patch(StreamingHttpResponse, "__aiter__", _iterated_async),
    ]


def _iterated(iterate: Any) -> Any:
    def __iter__(self: Any) -> Any:  # noqa: N807 - in its place
        if self.is_async:
            _collected("an asynchronous iterator")
        return iterate(self)

    return __iter__


def _iterated_async(iterate: Any) -> Any:
    def __aiter__(self: Any) -> Any:  # noqa: N807 - in its place
        if not self.is_async:
            _collected("a synchronous iterator")
        return iterate(self)

    return __aiter__


def _collected(what: str) -> None:
    record = current()
    if record is not None:
        record.seen.happens("collected", caller_spot(), what)
