"""The name of ``channels.generic.http``."""

from hybrid.adapters.django.fitted import fit_in
from hybrid.bridge.consumers.http import AsyncHttpConsumer

__all__ = ["AsyncHttpConsumer"]

fit_in()
