"""A room for each path, on a layer through Redis: what one client says is said to all."""

import os
from typing import Any

from hybrid import AsyncJsonWebsocketConsumer, URLRouter, path
from hybrid.bridge.layers import channel_layers
from hybrid.bridge.layers.redis import RedisChannelLayer

layer = RedisChannelLayer(os.environ["REDIS_URL"], lease=1, capacity=1000)
channel_layers.set("default", layer)


class Room(AsyncJsonWebsocketConsumer):
    """A member of the room."""

    async def connect(self) -> None:
        """Join, and then tell the client that it is in."""
        self.room: str = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name, {"pid": os.getpid()})
        await self.accept()
        await self.send_json({"pid": os.getpid()})

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Say it to all, or tell who is here and what was lost."""
        if content == "who":
            members = await self.channel_layer.group_members(self.room)
            await self.send_json(sorted(each.metadata["pid"] for each in members))
        elif content == "losses":
            await self.send_json(layer.losses.as_dict())
        else:
            await self.channel_layer.group_send(self.room, {"type": "said", "what": content})

    async def said(self, message: dict[str, Any]) -> None:
        """Tell the client."""
        await self.send_json(message["what"])

    async def disconnect(self, code: int) -> None:
        """Leave."""
        await self.channel_layer.group_discard(self.room, self.channel_name)


app = URLRouter([path("<slug:room>", Room.as_asgi())])
