"""A room that WebSockets enter, and whose members hear what is published from anywhere."""

import asyncio
import sys
from typing import Any

import hybrid
from hybrid.bridge import ChannelNameRouter, InMemoryChannelLayer


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


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Publish when the server starts, and when it ends: the layer is there both times."""
    for _ in range(2):
        event = (await receive())["type"]
        hybrid.publish("nobody", {"type": "room.said", "text": event})
        await send({"type": f"{event}.complete"})


class Thumbnails(hybrid.AsyncConsumer):
    """Works in the background, and tells the room."""

    async def thumbnail_make(self, message: Any) -> None:
        """Tell the room."""
        hybrid.publish("room", {"type": "room.said", "text": f"made {message['name']}"})

    async def thumbnail_fail(self, message: Any) -> None:
        """Fail."""
        raise RuntimeError("on purpose")

    async def thumbnail_take_long(self, message: Any) -> None:
        """Say that it has begun, and tell the room when the worker has been told to stop."""
        told = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, told.set)
        sys.stderr.write("note: begun\n")
        await told.wait()
        hybrid.publish("room", {"type": "room.said", "text": "made at last"})


class NamedLayer(InMemoryChannelLayer):
    """A layer that one knows by the names of its channels."""

    async def new_channel(self, prefix: str = "specific") -> str:
        """Name one."""
        return f"named.{await super().new_channel()}"


work = hybrid.ProtocolTypeRouter({"channel": ChannelNameRouter({"thumbnails": Thumbnails.as_asgi()})})
room = hybrid.URLRouter([hybrid.path("room", Room.as_asgi())])
app = hybrid.ProtocolTypeRouter({"websocket": room, "lifespan": lifespan})
