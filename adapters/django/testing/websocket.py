"""The name of ``channels.testing.websocket``."""

from hybrid.adapters.django.testing.communicators import WebsocketCommunicator

__all__ = ["WebsocketCommunicator"]
