"""A change of where a view is served."""

import json

import pytest

from hybrid.adapters.django.lanes.change import Change, Effect, Said
from hybrid.adapters.django.lanes.rules import Rule


@pytest.mark.parametrize(
    "rule", [Rule("shop:cart", "asgi", 5.0), "none", "file"], ids=["rule", "none", "file"]
)
def test_a_change_is_read_as_it_was_written(rule: Said) -> None:
    """With all that it says, through JSON."""
    before, after = Effect("wsgi", None, "sync-view"), Effect("asgi", 5.0, "change 7")
    baseline = {"requests": 3, "errors": 0, "stalls": 0, "buckets": {"100": 3}}
    change = Change(7, 1234.5, "shop:cart", rule, "file", before, after, "ada", "why", 6, baseline)
    assert Change.from_json(json.loads(json.dumps(change.to_json()))) == change


def test_a_change_is_one_line() -> None:
    """Where the view is now, where it was and why that was, who has changed it, and why."""
    effects = Effect("wsgi", None, "sync-view"), Effect("asgi", 5.0, "change 1")
    change = Change(1, 0.0, "shop:cart", "none", "file", *effects, "ada", "trying the new cache")
    assert str(change) == "shop:cart: asgi for 5% (was wsgi: sync-view), by ada: trying the new cache"
    paths = Change(2, 0.0, "/api/*", "none", "file", Effect(None, None, ""), effects[1], "ada")
    assert str(paths) == "/api/*: asgi for 5% (was the lane of each view), by ada"
