"""Facts go through JSON and come back the same."""

import json

import pytest

from hybrid.adapters.django.migrate.project.facts import (
    ApplicationFact,
    Facts,
    Failure,
    MiddlewareFact,
    ReceiverFact,
    RouteFact,
    SocketRouteFact,
    Where,
)

FACTS = Facts(
    settings_module="shop.settings",
    versions={"django": "5.2"},
    settings={"DATABASES": {"default": {"CONN_MAX_AGE": 600}}},
    explicit=("DATABASES",),
    middleware=(MiddlewareFact("shop.middleware.Old", Where("a.py", 3), own_call=Where("a.py", 5)),),
    routes=(RouteFact("cart/", "shop:cart", "shop.views.cart", handlers={"get": True}),),
    socket_routes=(SocketRouteFact("ws/", "shop.live.Cart", bases=("a.B",)),),
    receivers=(ReceiverFact("request_started", "shop.note", needs_environ=True),),
    asgi=ApplicationFact("shop.asgi.application", around=("a.B", "c.D")),
    failures=(Failure("urlconf", "ImportError: x", Where("u.py", 1)),),
)


def test_through_json() -> None:
    """What was said in JSON is the same object again."""
    assert Facts.from_json(json.loads(json.dumps(FACTS.to_json()))) == FACTS


def test_of_another_version() -> None:
    """Facts of another version are refused."""
    with pytest.raises(ValueError, match="facts of version 0, not 3"):
        Facts.from_json({"version": 0})
