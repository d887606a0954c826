"""From a thread to the server's event loop, on both paths of the bridge: the portal, and asgiref's way."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridges import PATHS, WAYS, Bridge, bridge_to

TARGETS = [
    *("/crossing=tests.apps.wsgi_crossing", "/django=tests.apps.wsgi_django"),
    *("/flask=tests.apps.wsgi_flask", "/witness=tests.apps.loop_witness"),
]


@pytest.fixture(scope="module", params=WAYS)
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Serve the applications, and one that knows the server's loop."""
    with bridge_to(request.param, TARGETS, tmp_path_factory.mktemp("served")) as served:
        yield served


def test_asgiref_that_is_imported_late(bridge: Bridge) -> None:
    """An `async` view of Flask's runs on the server's loop from the first request on.

    Flask imports asgiref when it is asked for the first such view; this test has to come first.
    """
    answer = bridge.ask("/flask/crossing?argument=x").json
    assert answer == {"loop": True, "worker": False, "argument": "x"}


def test_portal(bridge: Bridge) -> None:
    """A coroutine runs on the server's loop, and context variables flow there and back."""
    answer = bridge.ask("/crossing/run").json
    assert answer == {"loop": True, "main": True, "seen": "of the view", "variable": "of the coroutine"}


def test_portal_error(bridge: Bridge) -> None:
    """What the coroutine raises, the view can catch."""
    assert bridge.ask("/crossing/error").json == "in the coroutine"


def test_portal_on_the_loop(bridge: Bridge) -> None:
    """On the loop's own thread the portal refuses, and the server goes on."""
    assert bridge.ask("/crossing/refused").json.endswith("would wait for itself: await the coroutine")


def test_django(bridge: Bridge) -> None:
    """`async_to_sync` in a synchronous view of Django's: the server's loop there, the view's thread back."""
    assert bridge.ask("/django/crossing").json == {"loop": True, "thread": True}


def test_many_at_once(bridge: Bridge) -> None:
    """Requests on all threads cross at the same time, and each comes back to its own."""
    targets = ["/django/crossing", "/crossing/run", "/flask/crossing?argument=x"] * 20
    with ThreadPoolExecutor(12) as clients:
        answers = [answer.json for answer in clients.map(bridge.ask, targets)]
    assert all(answer["loop"] for answer in answers)
    assert all(answer.get("thread", True) for answer in answers)


@pytest.mark.parametrize("path", PATHS)
def test_server_that_stops(path: Any, tmp_path: Path) -> None:
    """A view that waits for what never comes does not keep the server from ending when its time is over."""
    with (
        bridge_to(path, TARGETS, tmp_path, timeout_graceful_shutdown=1) as bridge,
        closing(bridge.open("/crossing/endless")),
    ):
        bridge.server.wait_for_stderr("waiting on the loop")
        bridge.server.signal(signal.SIGTERM)
        bridge.server.wait()
