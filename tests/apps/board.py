"""A board that many watch, in a layer whose channels hold 40 messages; `OVERFLOW` is the policy."""

import json
import os
from collections.abc import Sequence
from typing import Any, cast

from hybrid import AsyncHttpConsumer, AsyncWebsocketConsumer, ProtocolTypeRouter, URLRouter, path
from hybrid.bridge.layers import InMemoryChannelLayer, channel_layers
from hybrid.bridge.layers.base import Overflow

layer = InMemoryChannelLayer(capacity=40, overflow=cast("Overflow", os.environ["OVERFLOW"]))
channel_layers.set("default", layer)


class Watcher(AsyncWebsocketConsumer):
    """Gets what is put on the board."""

    groups: Sequence[str] = ("board",)

    async def board_text(self, message: Any) -> None:
        """Pass it on."""
        await self.send(message["text"])


class Flooded(Watcher):
    """The same, and can be sent more than it reads."""

    groups = ("board", "flood")


class Order(AsyncHttpConsumer):
    """Sends what the path asks for, or tells how things are."""

    async def handle(self, body: bytes) -> None:
        """Send and answer."""
        args = self.scope["url_route"]["kwargs"]
        for number in range(args.get("count", 0)):
            text = f"{number:0{args['size']}}"
            await layer.group_send(args["group"], {"type": "board.text", "text": text})
        facts = {"losses": layer.losses.as_dict(), "members": await layer.group_count("board")}
        await self.send_response(200, json.dumps(facts).encode())


app = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [path("facts", Order.as_asgi()), path("<group>/<int:count>/<int:size>", Order.as_asgi())]
        ),
        "websocket": URLRouter([path("board", Watcher.as_asgi()), path("flooded", Flooded.as_asgi())]),
    }
)
