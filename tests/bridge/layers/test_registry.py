"""Where consumers and views find the channel layers."""

from hybrid.bridge.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from hybrid.bridge.layers.registry import ChannelLayers


def test_a_default_in_memory() -> None:
    """Without any configuration there is one layer, which stays the same."""
    layers = ChannelLayers()
    assert isinstance(layers["default"], InMemoryChannelLayer)
    assert layers["default"] is layers["default"]
    assert "default" in layers
    assert get_channel_layer() is channel_layers["default"]


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


def test_no_layer() -> None:
    """An alias may be set to none, the default too."""
    layers = ChannelLayers()
    layers.set("default", None)
    assert layers["default"] is None
    assert "default" not in layers
