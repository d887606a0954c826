"""The settings of static files."""

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.config.static import StaticMount


def test_mounts() -> None:
    """The first equals sign divides, and a slash at the end of a path says nothing."""
    config = Config(app="app", static=["/static=build/static", "/m/=a=b", "/=."])
    assert config.static_mounts == [
        StaticMount("/static", "build/static"),
        StaticMount("/m", "a=b"),
        StaticMount("/", "."),
    ]


@pytest.mark.parametrize(
    "text", ["", "static", "/static", "/static=", "=dir", "static=dir", "/a b=dir", "/a//b=dir"]
)
def test_mistakes(text: str) -> None:
    """What is no path, or names no directory, is refused."""
    with pytest.raises(ConfigError, match=r"^static: "):
        Config(app="app", static=[text])


@pytest.mark.parametrize("seconds", [-1, 31_536_001, 1.5])
def test_age(seconds: float) -> None:
    """A year at most."""
    with pytest.raises(ConfigError, match="static_max_age"):
        Config(app="app", static_max_age=seconds)  # type: ignore[arg-type]
