"""The same consumer with Channels' class, and a layer in memory, as ours has one."""

from django.conf import settings  # type: ignore[import-untyped]

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}, DATABASES={}
)

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - after the settings


class Echo(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Echoes."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send it back."""
        await self.send(text_data, bytes_data)


app = Echo.as_asgi()
