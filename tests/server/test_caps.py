"""How many WebSockets may be open (`ws_limit_connections`, `ws_limit_per_client`, `ws_limit_per_route`)."""

import asyncio
from typing import Any

import pytest

from hybrid.bridge.routing import not_found
from hybrid.server.caps import Caps, Overstep, Place
from hybrid.server.config import Config
from hybrid.server.context import ServerContext

CHAT, NEWS = object(), object()


def caps(**limits: Any) -> Caps:
    """Return caps with these limits."""
    return Caps(Config(app="app", **limits))


def place(address: str = "192.0.2.1", application: object = CHAT) -> Place:
    """Return where a client counts."""
    return Place.of((address, 50000), application)


def setting(overstep: Overstep | None) -> str:
    """Return which limit was hit."""
    return "" if overstep is None else overstep.setting


@pytest.mark.parametrize("limit", ["", "ws_limit_connections", "ws_limit_per_client", "ws_limit_per_route"])
def test_wanted(limit: str) -> None:
    """A server counts where there is a limit, and only there."""
    with asyncio.Runner() as runner:
        settings: dict[str, Any] = {limit: 1} if limit else {}
        context = ServerContext(Config(app=not_found, **settings), not_found, runner.get_loop())
    assert (context.caps is not None) is bool(limit)


@pytest.mark.parametrize(
    ("limit", "other", "code"),
    [
        ("ws_limit_connections", None, 1013),
        ("ws_limit_per_client", place("192.0.2.2"), 1008),
        ("ws_limit_per_route", place(application=NEWS), 1008),
    ],
)
def test_limit(limit: str, other: Place | None, code: int) -> None:
    """One more than allowed hits the limit, until another one leaves; who counts elsewhere is let in."""
    made = caps(**{limit: 2})
    assert made.enter(place()) is made.enter(place()) is None
    overstep = made.enter(place())
    assert overstep is not None
    assert (overstep.setting, overstep.code) == (limit, code)
    if other is not None:
        assert made.enter(other) is None
        made.leave(other)
    made.leave(place())
    assert made.enter(place()) is None
    assert setting(made.enter(place())) == limit


def test_most_general_first() -> None:
    """Where several limits are hit, the client hears of the one that is nobody's fault."""
    made = caps(ws_limit_connections=1, ws_limit_per_client=1, ws_limit_per_route=1)
    assert made.enter(place()) is None
    assert setting(made.enter(place())) == "ws_limit_connections"


def test_nothing_is_kept() -> None:
    """Who has left is forgotten: any number of addresses may come and go."""
    made = caps(ws_limit_per_client=1)
    for number in range(100):
        there = place(f"192.0.2.{number}")
        assert made.enter(there) is None
        made.leave(there)
    assert repr(made) == "<Caps 0 open, of 0 clients>"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("_hidden", "_hidden", True),
        ("_hidden", "_other", False),
    ],
)
def test_client(one: str, other: str, same: bool) -> None:
    """An IPv4 address is a client, and so is an IPv6 network: whoever has one address of it has them all."""
    assert (place(one) == place(other)) is same


def test_no_address() -> None:
    """Clients of a Unix socket cannot be told apart, and have no limit each."""
    made = caps(ws_limit_per_client=1)
    assert made.enter(Place.of(None, CHAT)) is made.enter(Place.of(None, CHAT)) is None
