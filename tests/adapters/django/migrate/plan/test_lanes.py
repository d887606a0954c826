"""Which views go to the asgi lane, in which order, and with how many clients."""

import tomllib
from typing import Any

import pytest

from hybrid.adapters.django.lanes.budget import parse_budget
from hybrid.adapters.django.lanes.rules import parse_rules
from hybrid.adapters.django.migrate.findings import Level, Place
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.lanes import budget_table, first_table, lanes_of, last_table
from hybrid.adapters.django.migrate.project.facts import MiddlewareFact, RouteFact
from tests.support.plans import compared, known, observed, of_view, route, seen
from tests.support.planted import audited
from tests.support.reports import HOSTILE
from tests.support.sources import finding

CART = (route("cart"),)


def tables(what: Known) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tables of the first day and of the last, which hybrid reads."""
    lanes = lanes_of(what)
    first, last = (tomllib.loads(make(what, lanes))["lanes"] for make in (first_table, last_table))
    for each in (first, last):
        parse_rules(each)
    return first, last


def test_an_asynchronous_view_moves() -> None:
    """It is on wsgi at first, as today, and on asgi in the end; a synchronous one is not named at all."""
    what = known(routes=(*CART, route("pay", "sync")))
    assert tables(what) == ({"shop:cart": "wsgi"}, {"shop:cart": "asgi"})


@pytest.mark.parametrize(
    "bad",
    [
        {"found": of_view("HM101", "cart")},
        {"found": of_view("HM107", "cart", lanes=("wsgi", "asgi"))},
        {"found": of_view("HM107", "cart", Level.WARNING)},
        {"found": of_view("HM203", "cart", Level.WARNING)},
        {"found": of_view("HM305", "cart", Level.WARNING)},
        {"found": of_view("HM307", "cart", Level.WARNING)},
        {"found": of_view("HM402", "cart", Level.WARNING)},
        {"found": of_view("HM201", "cart", Level.WARNING)},
        {"found": finding("HM108", symbol="shop.views.cart", lanes=("wsgi", "asgi"))},
        {"found": finding("HM108", symbol="shop.views.cart.get", lanes=("wsgi", "asgi"))},
        {"routes": (route("cart", error="it has handlers of both kinds"),)},
        {"routes": (route("cart"), route("cart", "sync"))},
        {"compared": compared(cart=(9, 1))},
        {"observed": observed(cart={"asgi": seen(9, synchronous_only=1)})},
        {"observed": observed(cart={"asgi": seen(9, stalls={"count": 2, "longest": 0.5, "stacks": []})})},
        {"observed": observed(cart={"wsgi": seen(9, stalls={"count": 2, "longest": 0.5, "stacks": []})})},
    ],
    ids=lambda bad: str(getattr(bad.get("found"), "rule", "") or next(iter(bad))),
)
def test_what_keeps_a_view_off_the_asgi_lane(bad: dict[str, Any]) -> None:
    """An error that bites there, a warning that might, or what was seen: the view stays, and says why."""
    found = [bad.pop("found")] if "found" in bad else []
    what = known(*found, **{"routes": CART, **bad})
    assert tables(what) == ({"shop:cart": "wsgi"}, {"shop:cart": "wsgi"})
    (staying,) = lanes_of(what).staying
    assert staying.why


@pytest.mark.parametrize(
    "harmless",
    [
        of_view("HM101", "pay"),
        of_view("HM107", "cart", Level.NOTE, routes=(), reachable=False),
        of_view("HM306", "cart", Level.WARNING, lanes=("wsgi",)),
        of_view("HM301", "cart", Level.WARNING),
        of_view("HM502", "cart", lanes=("wsgi",)),
        finding("HM104", symbol="shop.middleware.Old", routes=("*",)),
        finding("HM108", symbol="shop.views.cartography"),
        finding("HM202", place=Place(symbol="django==4.2")),
    ],
    ids=lambda each: each.rule,
)
def test_what_does_not(harmless: Any) -> None:
    """Another view's error, what no route reaches, what WSGI does, and what all views have."""
    assert tables(known(harmless, routes=CART))[1] == {"shop:cart": "asgi"}


def test_where_the_path_tells_no_view() -> None:
    """A middleware that sets request.urlconf leaves nothing to say about views."""
    middleware = (MiddlewareFact("shop.ByHost", sets_urlconf=True),)
    assert tables(known(routes=CART, middleware=middleware)) == ({}, {})


def names(what: Known) -> list[str]:
    """Return the views that move, in their order."""
    return [each.view.name.removeprefix("shop:") for each in lanes_of(what).moving]


def test_streams_first_where_nobody_has_looked() -> None:
    """They hold a thread longest; the others are in the order of the project."""
    routes = tuple(map(route, ("a", "b", "c")))
    found = of_view("HM306", "b", Level.WARNING, lanes=("wsgi",))
    assert names(known(found, routes=routes)) == ["b", "a", "c"]


def test_by_the_time_that_threads_are_held() -> None:
    """Calls times their time decides, on whichever lane they were seen; a view that nobody called is last."""
    figures = observed(
        a={"wsgi": seen(10, 0.1)},
        b={"wsgi": seen(10, 9.0)},
        c={"wsgi": seen(1, 0.1), "asgi": seen(2000, 0.1)},
        d={"wsgi": seen(0, None)},
    )
    assert names(known(routes=tuple(map(route, ("d", "a", "b", "c"))), observed=figures)) == [
        "c",
        "b",
        "a",
        "d",
    ]


@pytest.mark.parametrize(
    ("calls", "share", "window"),
    [
        (None, 5, 60),
        (3600 * 100, 1, 60),
        (3600 * 7, 5, 60),
        (3600 * 2, 25, 60),
        (3600, 50, 60),
        (60, 50, 2400),
        (1, 50, 3600),
    ],
)
def test_shares(calls: int | None, share: int, window: int) -> None:
    """So many clients that a window has the requests which the budget asks for, in an hour of which so many
    were seen; where too few come, the window is longer.
    """
    figures = None if calls is None else observed(cart={"wsgi": seen(calls)})
    lanes = lanes_of(known(routes=CART, observed=figures))
    (placing,) = lanes.moving
    assert (placing.share, lanes.window) == (share, window)
    budget = parse_budget(tomllib.loads(budget_table(lanes))["lane_budget"])
    assert budget is not None
    assert (budget.window, budget.requests) == (window, 20)


def test_names_of_any_kind() -> None:
    """A view may be called as it likes: the file is TOML, and its comments stay on their line."""
    odd = f'{HOSTILE}\n[lane_budget]\x7f\x85"'
    routes = (
        RouteFact("a/", odd, "v", lane="asgi; async-view", called=odd),
        RouteFact("b/", "", "v", lane="asgi; x", called="shop.views.b", error=odd),
    )
    assert tables(known(routes=routes)) == (
        {odd: "wsgi", "shop.views.b": "wsgi"},
        {odd: "asgi", "shop.views.b": "wsgi"},
    )


def test_the_planted_project() -> None:
    """No view of it with an error on ASGI is on that lane in the end, and some views are."""
    report = audited("shop.settings")
    last = tables(Known(report))[1]
    moving = {name for name, lane in last.items() if lane == "asgi"}
    broken = {
        route
        for each in report.findings
        if each.level is Level.ERROR and "asgi" in each.lanes
        for route in each.routes
    }
    shown = {each.called: {each.name or each.pattern} for each in report.facts.routes}
    assert len(moving) > 9
    assert not [name for name in moving if shown[name] & broken]
    assert {name for name, lane in last.items() if lane == "wsgi"} >= {"queries", "capacity.blocking.blocks"}
