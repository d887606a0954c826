import re

import pytest

from hybrid.bridge.layers import InMemoryChannelLayer
from hybrid.bridge.layers.base import copy_message


@pytest.mark.parametrize("name", ["a", "chat.room-1_x", "specific.inmemory!abc", "local!", "x" * 99])
def test_channel_names_that_the_specification_allows(name: str) -> None:
    """Letters, digits, hyphens, underscores, periods and one `!` make a channel name of at most 99."""
    assert InMemoryChannelLayer().require_valid_channel_name(name)


@pytest.mark.parametrize("name", ["", "x" * 100, "a b", "é", "!a", "a!b!c", "a/b", "a\n", b"a", None, 1])
def test_channel_names_that_it_forbids(name: object) -> None:
    """Anything else is a TypeError that shows the name."""
    with pytest.raises(TypeError, match=re.escape(f"channel name {name!r}")):
        InMemoryChannelLayer().require_valid_channel_name(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "x" * 100, "room!1", "é", "a\n", None])
def test_group_names_that_it_forbids(name: object) -> None:
    """A group name is a channel name without `!`."""
    with pytest.raises(TypeError, match=re.escape(f"group name {name!r}")):
        InMemoryChannelLayer().require_valid_group_name(name)  # type: ignore[arg-type]


def test_the_first_capacity_pattern_that_matches_counts() -> None:
    """Patterns are globs or compiled expressions, tried in order; other channels have the plain capacity."""
    capacities: dict[str | re.Pattern[str], int] = {"http.*": 5, re.compile(r"chat\.\d+"): 7, "chat.*": 9}
    layer = InMemoryChannelLayer(capacity=3, channel_capacity=capacities)
    names = ("http.request", "chat.12", "chat.lobby", "other")
    assert [layer.get_capacity(name) for name in names] == [5, 7, 9, 3]


@pytest.mark.parametrize("option", ["expiry", "group_expiry", "capacity", "backlog"])
def test_options_must_be_positive(option: str) -> None:
    """A zero is refused when the layer is made, by name."""
    with pytest.raises(ValueError, match=f"{option} must be greater than 0"):
        InMemoryChannelLayer(**{option: 0})  # type: ignore[arg-type]


def test_copies_share_no_container() -> None:
    """Dicts and lists inside a message are copied at every depth, and so is what should not be in one."""
    message = {"list": [1, {"deep": [2.5]}], "bytes": b"x", "none": None, "set": {1}}
    copied = copy_message(message)
    assert copied == message
    message["list"][1]["deep"].append(3)  # type: ignore[index]
    message["set"].add(2)  # type: ignore[union-attr]
    assert copied == {"list": [1, {"deep": [2.5]}], "bytes": b"x", "none": None, "set": {1}}
