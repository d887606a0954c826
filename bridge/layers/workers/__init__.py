"""A channel layer for the processes of one machine, over a Unix socket and without Redis.

``layer.py`` is the layer, and ``hub.py`` what it asks the broker. How it has a connection to it is in
``life.py`` (with ``line.py`` and ``questions.py``); where the broker is, and who, in
``finding.py`` and ``places.py``. The broker itself is ``broker.py`` (with ``nodes.py``, ``groups.py``,
``queues.py``), which knows no socket; ``service.py`` and ``connection.py`` run it, and ``legacy.py`` is what
it leaves to the next one. ``words.py`` and ``framing.py`` are the language that is spoken.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid.bridge.layers.workers.layer import WorkersChannelLayer

__all__ = ["WorkersChannelLayer"]


def __getattr__(name: str) -> object:
    """Load the layer when it is first asked for: who only prepares a place for it needs no more."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hybrid.bridge.layers.workers.layer import WorkersChannelLayer

    return WorkersChannelLayer
