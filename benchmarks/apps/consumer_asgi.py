"""A consumer of this project that sends every binary message back."""

from hybrid.bridge import AsyncWebsocketConsumer


class Echo(AsyncWebsocketConsumer):
    """Echoes."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send it back."""
        await self.send(text_data, bytes_data)


app = Echo.as_asgi()
