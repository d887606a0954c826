"""The name of ``channels.testing.application``."""

from hybrid.adapters.django.testing.communicators import ApplicationCommunicator

__all__ = ["ApplicationCommunicator"]
