"""The settings about versions of HTTP: what goes together, and what a refusal says."""

from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.sources.gather import gather


@pytest.mark.parametrize(("given", "kept"), [("auto", "auto"), ("1", "1"), ("2", "2"), (1, "1"), (2, "2")])
def test_versions(given: Any, kept: str) -> None:
    """A version is a word, or a number as files have it."""
    assert Config(app="app", http=given).http == kept


@pytest.mark.parametrize(
    ("environ", "file", "http"),
    [({"HYBRID_HTTP": "2"}, "", "2"), ({}, "http = 2\n", "2"), ({}, 'http = "auto"\n', "auto")],
)
def test_sources(tmp_path: Path, environ: dict[str, str], file: str, http: str) -> None:
    """The environment and hybrid.toml say it too."""
    (tmp_path / "hybrid.toml").write_text(f'app = "app"\n{file}')
    assert gather({}, environ=environ, directory=tmp_path).config().http == http


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"http": "3"}, "http: '3' is not one of auto, 1, 2"),
        ({"http": True}, "http: True is not one of auto, 1, 2"),
        ({"http": 1, "http2_cleartext": True}, "http2_cleartext: http is 1, with which HTTP/2 is not spoken"),
        ({"http": 1, "http2_max_concurrent_streams": 7}, "http2_max_concurrent_streams: http is 1"),
        ({"http": 1, "http2_initial_window_size": 7}, "http2_initial_window_size: http is 1"),
        (
            {"http": "auto", "http2_max_concurrent_streams": 0},
            "http2_max_concurrent_streams: 0 is not a whole",
        ),
        ({"http": "auto", "http2_initial_window_size": 1 << 31}, "http2_initial_window_size: 2147483648 is"),
        (
            {"http": "auto", "http2_cleartext": True, "ssl_certfile": "a"},
            "http2_cleartext: ssl_certfile has everything encrypted",
        ),
    ],
)
def test_refusals(settings: dict[str, Any], message: str) -> None:
    """What contradicts another setting is refused, and both are named."""
    with pytest.raises(ConfigError, match=message):
        Config(app="app", **settings)


@pytest.mark.parametrize("http", ["auto", "2"])
def test_what_goes_together(http: str) -> None:
    """In clear with HTTP/2 alone, prior knowledge may be said too, though it follows."""
    config = Config(app="app", http=http, http2_cleartext=True, http2_max_concurrent_streams=7)
    assert (config.http, config.http2_cleartext, config.http2_max_concurrent_streams) == (http, True, 7)
