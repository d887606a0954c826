"""The name of ``channels.worker``."""

from hybrid.adapters.django.fitted import fit_in
from hybrid.bridge.layers.worker import Worker

__all__ = ["Worker"]

fit_in()
