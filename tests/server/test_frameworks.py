"""What a server asks those who know frameworks; what they answer is tested with each of them."""

import logging
import sys
from types import SimpleNamespace

import pytest

import hybrid
from hybrid.server.frameworks import route_finder


class Application:
    """One of a framework that is called ``tests``."""


def test_an_application_whose_routes_cannot_be_read_is_served(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It counts as one, and the log says why."""

    def fail(framework: str, _application: object) -> None:
        raise RuntimeError(f"this is no {framework}")

    monkeypatch.setitem(sys.modules, "some_router", SimpleNamespace(finder=fail))
    monkeypatch.setitem(hybrid.ROUTERS, "tests", "some_router")
    with caplog.at_level(logging.ERROR, "hybrid.server"):
        assert route_finder(Application()) is None
    assert "are not counted by route" in caplog.text
    assert "this is no tests" in caplog.text
    assert route_finder(object()) is None
