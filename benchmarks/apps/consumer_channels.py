"""The same consumer with Channels' class, and a layer in memory, as ours has one."""

from django.conf import settings  # type: ignore[import-untyped]

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}, DATABASES={}
)

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - after the settings

from benchmarks.apps.chat import echo  # noqa: E402

app = echo(AsyncWebsocketConsumer).as_asgi()
