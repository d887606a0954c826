"""Where consumers and views find the channel layers."""

import os
import subprocess
import sys
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from hybrid.bridge.layers.registry import ChannelLayers
from hybrid.bridge.layers.specs import parse_layer


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYBRID_LAYER", raising=False)


def capacity(layer: Any) -> int:
    """Return the capacity of a layer, by which the tests tell which one it is."""
    assert isinstance(layer, InMemoryChannelLayer)
    return layer.capacity


def test_a_default_in_memory() -> None:
    """Without any configuration there is one layer, which stays the same."""
    layers = ChannelLayers()
    assert isinstance(layers["default"], InMemoryChannelLayer)
    assert layers["default"] is layers["default"]
    assert "default" in layers
    assert get_channel_layer() is channel_layers["default"]


def test_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that configures nothing has the layer that HYBRID_LAYER names, as its server has."""
    monkeypatch.setenv("HYBRID_LAYER", "memory:?capacity=7")
    layers = ChannelLayers()
    assert layers.known() == ["default"]
    assert capacity(layers["default"]) == 7
    monkeypatch.setenv("HYBRID_LAYER", "memroy")
    with pytest.raises(ConfigError, match="HYBRID_LAYER: 'memroy' is no channel layer"):
        ChannelLayers().get("default")


def test_other_layers() -> None:
    """An alias means what it was set to last; set() gives what it meant before."""
    layers = ChannelLayers()
    first, second = InMemoryChannelLayer(), InMemoryChannelLayer()
    assert layers.get("chat") is None
    assert "chat" not in layers
    assert layers.set("chat", first) is None
    assert layers.set("chat", second) is first
    assert layers["chat"] is second
    assert get_channel_layer("chat") is None
    default = layers["default"]
    assert layers.set("default", first) is default


def test_no_layer() -> None:
    """An alias may be set to none, the default too."""
    layers = ChannelLayers()
    layers.set("default", None)
    assert layers["default"] is None
    assert "default" not in layers


def test_configure() -> None:
    """As CHANNEL_LAYERS has it, or shorter; made when asked for, and once."""
    layers = ChannelLayers()
    layers.set("chat", None)
    layers.configure(
        {
            "default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 3}},
            "chat": "memory:?capacity=4",
            "live": {"backend": "memory", "capacity": 5},
        }
    )
    assert sorted(layers.known()) == ["chat", "default", "live"]
    assert type(layers["default"]).__module__ == "channels.layers"
    assert (capacity(layers["chat"]), capacity(layers["live"])) == (4, 5)
    assert layers["chat"] is layers["chat"]
    layers.configure({"chat": "memory:?capacity=6"})
    assert (capacity(layers["chat"]), capacity(layers["live"])) == (6, 5)


def test_configure_refuses() -> None:
    """What cannot be is refused at once, and nothing has changed; what cannot be made, when asked for."""
    layers = ChannelLayers()
    with pytest.raises(ConfigError, match="the channel layer 'chat': 'x' is no channel layer"):
        layers.configure({"default": "memory:?capacity=3", "chat": "x"})
    assert capacity(layers["default"]) == 100
    layers.configure({"default": "memory:?capacity=x"})
    for _ in range(2):
        with pytest.raises(ConfigError, match="capacity: 'x' is not a whole number"):
            layers.get("default")


def test_servers_give(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server was told counts for as long as it runs, before the variable and after the program."""
    monkeypatch.setenv("HYBRID_LAYER", "memory:?capacity=2")
    layers = ChannelLayers()
    specs = {"default": parse_layer("memory:?capacity=3"), "chat": parse_layer("memory:?capacity=4")}
    layers.give(specs)
    layers.give(specs)
    assert (capacity(layers["default"]), capacity(layers["chat"])) == (3, 4)
    layers.configure({"chat": "memory:?capacity=5"})
    assert capacity(layers["chat"]) == 5
    assert layers.is_own("chat")
    assert not layers.is_own("default")
    layers.take_back(specs)
    assert capacity(layers["default"]) == 3
    layers.take_back(specs)
    assert (capacity(layers["default"]), capacity(layers["chat"])) == (2, 5)


def test_servers_disagree() -> None:
    """Two servers in one process cannot have different layers of one name; one after the other can."""
    layers = ChannelLayers()
    first, second = ({"default": parse_layer(f"redis://:secret@{host}")} for host in "ab")
    layers.give(first)
    with pytest.raises(
        ConfigError, match=r"'default' already, redis://:\*\*\*@a, .* cannot be redis://:\*\*\*@b"
    ):
        layers.give(second)
    layers.take_back(first)
    layers.give(second)


def test_asked_for_too_early(caplog: pytest.LogCaptureFixture) -> None:
    """Who has the layer in memory before the server is told of another reaches nobody: the log says so."""
    layers = ChannelLayers()
    early = layers["default"]
    layers.give({"default": parse_layer("memory:?capacity=3")})
    assert layers["default"] is not early
    assert "has been asked for before it was configured" in caplog.text


def test_hears_of_new_layers() -> None:
    """Whoever wants to know of layers is told of those that are made, once each, and those that are set."""
    layers = ChannelLayers()
    heard: list[object] = []
    layers.on_made = heard.append
    made = layers["default"]
    assert layers["default"] is made
    other = InMemoryChannelLayer()
    layers.set("chat", other)
    layers.set("none", None)
    assert heard == [made, other]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on POSIX systems")
def test_a_forked_process_makes_its_own() -> None:
    """It has no part in the connections of its parent."""
    script = """
import os
from hybrid.bridge import channel_layers
parent = channel_layers["default"]
if child := os.fork():
    _, status = os.waitpid(child, 0)
    assert channel_layers["default"] is parent
    raise SystemExit(os.waitstatus_to_exitcode(status))
own = channel_layers["default"]
os._exit(7 if own is not parent and own is channel_layers["default"] else 1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert done.returncode == 7, done.stderr


def test_the_settings_of_a_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked when a layer is looked for; the program goes before them, and a server behind them."""
    monkeypatch.setenv("HYBRID_LAYER", "memory:?capacity=1")
    layers = ChannelLayers()
    said: dict[str, object] = {"default": "memory:?capacity=2", "own": "memory:?capacity=2"}
    layers.framework = lambda: said
    layers.configure({"own": "memory:?capacity=3"})
    given = {"default": parse_layer("memory:?capacity=4")}
    layers.give(given)
    assert [capacity(layers[each]) for each in ("default", "own")] == [2, 3]
    assert sorted(layers.known()) == ["default", "own"]
    assert layers.is_own("default")
    kept = layers["default"]
    layers.take_back(given)
    assert layers["default"] is kept
    del said["default"]
    layers.framework_changed()
    assert capacity(layers["default"]) == 1
    assert not layers.is_own("default")
    said["default"] = "memroy"
    layers.framework_changed()
    with pytest.raises(ConfigError, match="the channel layer 'default': 'memroy' is no channel layer"):
        layers.get("default")


def test_what_was_set_before_the_settings_changed() -> None:
    """It is forgotten with the rest, as Channels does it."""
    layers = ChannelLayers()
    layers.set("default", None)
    layers.framework_changed()
    assert layers["default"] is not None
