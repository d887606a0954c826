"""The consumer of groups with Channels' class, in memory, or through Redis by its pub/sub layer."""

import os

from django.conf import settings  # type: ignore[import-untyped]

from benchmarks.apps.chat import LAYER_VARIABLE, chat

if url := os.environ.get(LAYER_VARIABLE):
    LAYER = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}
else:
    LAYER = {"BACKEND": "channels.layers.InMemoryChannelLayer"}

settings.configure(CHANNEL_LAYERS={"default": LAYER}, DATABASES={})

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - after the settings

app = chat(AsyncWebsocketConsumer).as_asgi()
