"""A consumer of this project that sends every binary message back."""

from benchmarks.apps.chat import echo
from hybrid.bridge import AsyncWebsocketConsumer

app = echo(AsyncWebsocketConsumer).as_asgi()
