"""What observing keeps, and what it puts into others' classes, is bounded and taken back."""

import asyncio

from asgiref.sync import AsyncToSync, SyncToAsync

from hybrid.adapters.django.lanes.observed.notes import Event, Notes, Spot, together
from hybrid.adapters.django.lanes.observed.observing import observing
from hybrid.adapters.django.lanes.observed.seen import Seen
from tests.support.needs import require_module

require_module("django")


def _event(line: int) -> Event:
    return Event(
        "stall", "shop:cart", "asgi", Spot("shop.py", line, "shop.cart"), (f"shop.py:{line} in cart",)
    )


def test_events_beyond_the_room_count_without_their_place() -> None:
    """None is lost, and none takes room that there is not."""
    notes = Notes(room=2)
    for line in (1, 2, 2, 3, 4):
        notes.note(_event(line), line / 10)
    told = notes.to_json()
    assert [(each["spot"]["line"], each["count"], each["longest"]) for each in told] == [
        (2, 2, 0.2),
        (0, 2, 0.4),
        (1, 1, 0.1),
    ]
    notes.clear()
    assert notes.to_json() == []


def test_methods_that_clients_invent_take_one_place() -> None:
    """Or they would take the places of others."""
    notes = Notes()
    for method in ("POST", "BREW", "WHEN"):
        Seen("shop:cart", "asgi", notes).cancels(Spot(), method, is_uncounted=False)
    assert [(each["detail"], each["count"]) for each in notes.to_json()] == [
        ("another method", 2),
        ("POST", 1),
    ]


def test_events_of_processes_are_added_up() -> None:
    """The same event in two processes is one, with the longest of both."""
    one, two = Notes(), Notes()
    one.note(_event(1), 0.2)
    two.note(_event(1), 0.5)
    two.note(_event(2), 0.1)
    told = together([one.to_json(), two.to_json()])
    assert [(each["spot"]["line"], each["count"], each["longest"]) for each in told] == [
        (1, 2, 0.5),
        (2, 1, 0.1),
    ]


def test_everything_is_as_before_once_nobody_observes() -> None:
    """Two projects may observe in one process; the last that ends takes all out again."""
    from django.core.exceptions import SynchronousOnlyOperation  # type: ignore[import-untyped]
    from django.core.signals import request_started  # type: ignore[import-untyped]
    from django.http import StreamingHttpResponse  # type: ignore[import-untyped]

    def there() -> tuple[object, ...]:
        own = vars(SynchronousOnlyOperation).get("__init__"), len(request_started.receivers)
        return SyncToAsync.__call__, AsyncToSync.__call__, *own, StreamingHttpResponse.__iter__

    before = there()
    observing().make()
    observing().make()
    observing().hear()
    changed = there()
    assert all(new != old for new, old in zip(changed, before, strict=True))
    assert asyncio.iscoroutinefunction(SyncToAsync.__call__)
    observing().undo()
    assert there() == changed
    observing().undo()
    assert there() == before
