"""The consumer of groups with this project's class, on the channel layer that the server is told to use."""

from benchmarks.apps.chat import chat
from hybrid.bridge import AsyncWebsocketConsumer

app = chat(AsyncWebsocketConsumer).as_asgi()
