"""Channel layers of workers under gunicorn."""

from typing import Any

import pytest
from gunicorn.config import Config as GunicornConfig

from hybrid.adapters.gunicorn.settings import config_of
from hybrid.server.layers import specs_of
from tests.adapters.gunicorn.conftest import Gunicorn
from tests.support.process import DEADLINE, ROOT
from tests.support.websocket_clients import opened

APP = "tests.apps.room_asgi:app"
LAYER = "tests.apps.room_asgi.NamedLayer"


def layers(monkeypatch: pytest.MonkeyPatch, workers: int, **file: Any) -> dict[str, str]:
    """Return the layers of a worker, with what the configuration file says."""
    monkeypatch.setattr("hybrid.adapters.gunicorn.settings.file_settings", lambda _: dict(file))
    cfg = GunicornConfig()
    cfg.set("workers", workers)
    return {alias: str(spec) for alias, spec in specs_of(config_of(cfg, None)).items()}


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """`hybrid_layer` and `hybrid_layers`; several workers have a layer that reaches them all."""
    monkeypatch.delenv("HYBRID_LAYER", raising=False)
    assert layers(monkeypatch, 1) == {}
    assert layers(monkeypatch, 2) == {"default": "workers"}
    assert layers(monkeypatch, 2, layer="memory") == {"default": "memory"}
    assert layers(monkeypatch, 1, layers={"chat": "redis://:p@h"}) == {"chat": "redis://:***@h"}
    monkeypatch.setenv("HYBRID_LAYER", "memory")
    assert layers(monkeypatch, 2) == {}


def test_a_layer_of_the_configuration_file(gunicorn: Gunicorn) -> None:
    """Consumers find it, and what its query says is not lost."""
    server = gunicorn(APP, conf=f'hybrid_layer = "{LAYER}?capacity=7"', pythonpath=ROOT)
    with opened(server, "/room") as room:
        assert str(room.recv(timeout=DEADLINE)).startswith("named.specific")
    assert server.terminate() == 0


def test_memory_for_several_workers(gunicorn: Gunicorn) -> None:
    """The log of gunicorn says once that they do not reach each other."""
    server = gunicorn(APP, conf='hybrid_layer = "memory"', workers=2, pythonpath=ROOT)
    assert server.terminate() == 0
    assert server.stderr.count("the channel layer is in memory, and there are several workers") == 1


def test_mistakes(gunicorn: Gunicorn) -> None:
    """The arbiter does not start with what is no channel layer."""
    with pytest.raises(AssertionError, match="layer: 'memroy' is no channel layer"):
        gunicorn(APP, conf='hybrid_layer = "memroy"', pythonpath=ROOT)
