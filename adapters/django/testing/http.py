"""The name of ``channels.testing.http``."""

from hybrid.adapters.django.testing.communicators import HttpCommunicator

__all__ = ["HttpCommunicator"]
