from channels.generic.websocket import AsyncWebsocketConsumer


class Ported(AsyncWebsocketConsumer):
    """Wait for its imports to be changed."""
