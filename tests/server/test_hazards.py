"""The warnings about configurations that work and are dangerous."""

from typing import Any

import pytest

from hybrid.bridge.routes import Route
from hybrid.server.config import Config
from hybrid.server.hazards import hazards

ROUTES = (Route("/", ("http",), "app", "wsgi", "thread pool"),)


def warnings(*routes: Route, **settings: Any) -> list[str]:
    """List the warnings for some settings."""
    return list(hazards(Config(app="app", **settings), routes or ROUTES))


def test_the_defaults_are_no_hazard() -> None:
    """Neither here nor on a public address."""
    assert warnings() == []
    assert warnings(host="0.0.0.0") == []


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        ({"timeout_write": 0}, "timeout_write = 0: a client that takes nothing"),
        ({"threads_queue_timeout": 0}, "threads_queue_timeout = 0: a request that waits"),
        ({"timeout_graceful_shutdown": 0}, "timeout_graceful_shutdown = 0: a restart cuts off"),
        ({"limit_request_body": 0, "host": "0.0.0.0"}, "limit_request_body = 0: on a public address"),
        ({"reload": True, "host": "0.0.0.0"}, "reload: it is for development"),
        ({"pools": ["slow=2"]}, "pools: no target runs on the pool slow"),
    ],
)
def test_a_hazard(settings: dict[str, Any], begins: str) -> None:
    """Each is one line that names the setting, and comes alone."""
    (warning,) = warnings(**settings)
    assert warning.startswith(begins)


@pytest.mark.parametrize("where", [{"host": "localhost"}, {"host": "::1"}, {"uds": "x"}, {"fd": 3}])
def test_what_is_harmless_where_nobody_else_connects(where: dict[str, Any]) -> None:
    """Behind a proxy, which has limits of its own."""
    assert warnings(limit_request_body=0, **where) == []


def test_a_pool_that_is_used() -> None:
    """By a target that streams too."""
    route = Route("/", ("http",), "app", "wsgi", "thread pool slow, streaming")
    assert warnings(route, pools=["slow=2"]) == []


def test_a_router_that_was_built_by_hand() -> None:
    """Nobody knows which pools it uses."""
    assert list(hazards(Config(app="app", pools=["slow=2"]), ())) == []
