"""The settings of the console: where it is, and its token."""

from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.config.addresses import InheritedSocket, TCPAddress, UnixAddress
from hybrid.server.sources.gather import gather

TOKEN = "sixteen-letters!"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", TCPAddress("127.0.0.1", 9000)),
        ("[::1]:0", TCPAddress("::1", 0)),
        ("localhost", TCPAddress("localhost", 9100)),
        ("unix:/run/ops.sock", UnixAddress(Path("/run/ops.sock"))),
        ("fd://ops", InheritedSocket("ops")),
    ],
)
def test_addresses(text: str, address: object) -> None:
    """They are written as with bind; without a port it is 9100."""
    assert Config(app="app", ops=text).ops_address == address


def test_default() -> None:
    """There is no console unless somebody wants one."""
    assert Config(app="app").ops_address is None


def test_sources(tmp_path: Path) -> None:
    """The environment and hybrid.toml say it too."""
    (tmp_path / "hybrid.toml").write_text('app = "app"\nops = "127.0.0.1:9000"\n')
    config = gather({}, environ={"HYBRID_OPS_TOKEN": TOKEN}, directory=tmp_path).config()
    assert (config.ops, config.ops_token) == ("127.0.0.1:9000", TOKEN)


def test_the_token_is_not_shown() -> None:
    """Neither in a representation of the settings nor anywhere else that shows them."""
    assert TOKEN not in repr(Config(app="app", ops_token=TOKEN))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ops": "127.0.0.1:x"}, "ops: '127.0.0.1:x': 'x' is not a port"),
        ({"ops": ""}, "ops: '': it is not HOST:PORT"),
        ({"ops": "::1"}, "ops: '::1': an IPv6 address stands in brackets"),
        ({"ops_token": "short"}, "ops_token: it has fewer than 16 characters"),
        ({"ops_token": "sixteen letters !"}, "ops_token: it has characters that no Authorization"),
        ({"ops_token": "sixteen-l\u00e9tters!"}, "ops_token: it has characters that no Authorization"),
    ],
)
def test_mistakes(settings: Any, message: str) -> None:
    """A mistake names its setting, and never the token."""
    with pytest.raises(ConfigError) as refused:
        Config(app="app", **settings)
    assert str(refused.value).startswith(message)
