"""The names of ``channels.consumer``."""

from hybrid.adapters.django.fitted import fit_in
from hybrid.bridge.consumers.base import AsyncConsumer, SyncConsumer
from hybrid.bridge.consumers.dispatch import get_handler_name

__all__ = ["AsyncConsumer", "SyncConsumer", "get_handler_name"]

fit_in()
