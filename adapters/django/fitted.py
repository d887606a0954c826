"""Fitting the bridge in with Django: its channel layers, and the database connections of its consumers."""

from hybrid.adapters.django.connections import OPEN, close_old_connections
from hybrid.adapters.django.layers import use_settings
from hybrid.bridge.consumers.housekeeping import HOUSEKEEPING


def fit_in() -> None:
    """Let consumers find the layers of ``CHANNEL_LAYERS``, and close connections between messages.

    To be called any time before consumers run, with or without settings, and as often as one likes.
    """
    use_settings()
    HOUSEKEEPING.on_thread = close_old_connections
    HOUSEKEEPING.on_loop = OPEN.visit
