"""A room that WebSockets enter, and whose members hear what is published from anywhere."""

from typing import Any

import hybrid
from hybrid.bridge.errors import StopConsumer


class Room(hybrid.AsyncWebsocketConsumer):
    """Says its channel, and then what the room and the channel hear."""

    groups = ["room"]  # noqa: RUF012 - as Channels has it

    async def connect(self) -> None:
        """Say the channel."""
        await self.accept()
        await self.send(self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Publish from a coroutine."""
        hybrid.publish("room", {"type": "room.said", "text": f"coroutine: {text_data}"})

    async def room_said(self, event: Any) -> None:
        """Pass it on."""
        await self.send(event["text"])


class Lifespan(hybrid.AsyncConsumer):
    """Publishes when the server starts, which reaches nobody."""

    async def lifespan_startup(self, message: Any) -> None:
        """Publish."""
        hybrid.publish("room", {"type": "room.said", "text": "nobody is here"})
        await self.send({"type": "lifespan.startup.complete"})

    async def lifespan_shutdown(self, message: Any) -> None:
        """Publish again: the layer is still there."""
        hybrid.publish("room", {"type": "room.said", "text": "nobody is here any more"})
        await self.send({"type": "lifespan.shutdown.complete"})
        raise StopConsumer


class Thumbnails(hybrid.AsyncConsumer):
    """Works in the background, and tells the room."""

    async def thumbnail_make(self, message: Any) -> None:
        """Tell the room."""
        hybrid.publish("room", {"type": "room.said", "text": f"made {message['name']}"})


room = hybrid.URLRouter([hybrid.path("room", Room.as_asgi())])
app = hybrid.ProtocolTypeRouter({"websocket": room, "lifespan": Lifespan.as_asgi()})
