"""Lanes by configuration."""

from typing import Any

import pytest

from hybrid.adapters.django.lanes.rules import Rule, parse_rules
from hybrid.bridge.errors import ConfigError


def test_a_lane_is_a_word_or_a_table_with_a_share() -> None:
    """Both forms are read, and a share is for that many percent."""
    rules = parse_rules({"shop:cart": "asgi", "shop.views.cart": {"lane": "wsgi", "percent": 5}})
    assert rules.of_view("shop:cart", "shop.views.cart") == Rule("shop:cart", "asgi")
    assert rules.of_view("other", "shop.views.cart") == Rule("shop.views.cart", "wsgi", 5.0)
    assert rules.of_view("other", "shop.views.other") is None
    assert rules.views == ["shop:cart", "shop.views.cart"]


def test_the_first_pattern_of_a_path_that_fits_counts() -> None:
    """A star takes slashes too."""
    rules = parse_rules({"/api/old/*": "wsgi", "/api/*": "asgi"})
    assert [next(rules.fitting(None, path), None) for path in ("/api/old/a/b", "/api/a/b", "/apis")] == [
        Rule("/api/old/*", "wsgi"),
        Rule("/api/*", "asgi"),
        None,
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("uwsgi", "'uwsgi' is no lane"),
        ({"percent": 5}, "None is no lane"),
        ({"lane": "asgi", "percent": 101}, "101 is not a share"),
        ({"lane": "asgi", "percent": True}, "True is not a share"),
        ({"lane": "asgi", "share": 5}, "share is no key"),
    ],
)
def test_what_is_no_lane_is_refused(value: Any, said: str) -> None:
    """The message names the key and the value."""
    with pytest.raises(ConfigError, match=f"lanes.view: {said}"):
        parse_rules({"view": value})


def test_a_share_is_of_the_clients_and_sticks_to_them() -> None:
    """About that many are in it, each always, and not the same ones for every rule."""
    clients = [b"client %d" % number for number in range(2000)]
    rule, other = Rule("a", "asgi", 25.0), Rule("b", "asgi", 25.0)
    chosen = {client for client in clients if rule.is_for(client)}
    assert 400 < len(chosen) < 600
    assert chosen == {client for client in clients if rule.is_for(client)}
    assert chosen != {client for client in clients if other.is_for(client)}
    assert not any(map(Rule("a", "asgi", 0.0).is_for, clients))


@pytest.mark.parametrize(
    ("begins", "is_whole", "names"),
    [
        ("/api/old/", True, ["/api/old/*"]),
        ("/api/new/", True, ["/api/new/", "/api/*"]),
        ("/api/ne", False, []),
        ("/api/x", False, ["/api/*"]),
        ("/", False, []),
        ("/other/", True, []),
    ],
)
def test_rules_for_all_paths_that_begin_like_this(begins: str, is_whole: bool, names: list[str]) -> None:
    """Up to the first for all clients; none where one of them is for some of these paths alone."""
    rules = parse_rules(
        {"/api/old/*": "wsgi", "/api/new/": {"lane": "asgi", "percent": 5}, "/api/*": "asgi", "/a*": "wsgi"}
    )
    assert [rule.name for rule in rules.of_paths(begins, is_whole=is_whole)] == names
