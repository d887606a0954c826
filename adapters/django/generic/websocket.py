"""The names of ``channels.generic.websocket``."""

from hybrid.adapters.django.fitted import fit_in
from hybrid.bridge.consumers.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from hybrid.bridge.consumers.websocket_sync import JsonWebsocketConsumer, WebsocketConsumer

__all__ = [
    "AsyncJsonWebsocketConsumer",
    "AsyncWebsocketConsumer",
    "JsonWebsocketConsumer",
    "WebsocketConsumer",
]

fit_in()
