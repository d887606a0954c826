"""The channel of a connection, in a channel layer that may be anybody's."""

from collections.abc import Callable
from typing import Any


class OwnChannel:
    """A channel that is there for one connection, and ends with it. All on the loop.

    Layers of other projects have no word for that: there, memberships that nobody ends last until they
    expire, and nobody hears of a channel that is full.

    Args:
        layer: in which it is.
        name: of the channel.
    """

    def __init__(self, layer: Any, name: str) -> None:
        self._layer = layer
        self._name = name

    def __repr__(self) -> str:
        return f"<OwnChannel {self._name}>"

    def end_when_full(self, callback: Callable[[], object]) -> None:
        """Close the channel and call a function when the channel is full, if that is the layer's policy."""
        if getattr(self._layer, "overflow", None) == "close":

            def end() -> None:
                self.close()
                callback()

            self._layer.on_overflow(self._name, end)

    def stop_reading(self) -> None:
        """Say that nobody receives from it any more."""
        stop_reading = getattr(self._layer, "stop_reading", None)
        if stop_reading is not None:
            stop_reading(self._name)

    def close(self) -> None:
        """Leave all groups for good; more than once if need be."""
        close_channel = getattr(self._layer, "close_channel", None)
        if close_channel is not None:
            close_channel(self._name)
