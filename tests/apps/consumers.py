"""Consumers of every kind behind one set of routers, with notes of what happens to them on stderr."""

import asyncio
import sys
import time
from typing import Any

from hybrid import (
    AsyncHttpConsumer,
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    ProtocolTypeRouter,
    URLRouter,
    WebsocketConsumer,
    path,
)


def note(what: str) -> None:
    """Tell the test."""
    sys.stderr.write(f"note: {what}\n")


#: For all handlers that wait.
go = asyncio.Event()


class Echo(AsyncWebsocketConsumer):
    """Sends back what comes; `wait` waits until somebody says `go`, `fail` fails."""

    async def connect(self) -> None:
        """Choose the first subprotocol."""
        offered = self.scope["subprotocols"]
        await self.accept(offered[0] if offered else None)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer."""
        if text_data == "fail":
            raise RuntimeError("on purpose")
        if text_data == "wait":
            note("waiting")
            try:
                await go.wait()
            finally:
                note("wait is over")
        if text_data == "go":
            go.set()
            go.clear()
        await self.send(text_data, bytes_data)

    async def disconnect(self, code: int) -> None:
        """Tell."""
        note(f"left {code}")


class Parallel(Echo):
    """The same, several at a time."""

    concurrency = "parallel"
    max_concurrency = 2


class Impatient(Echo):
    """The same, but not for long."""

    handler_timeout = 1


class Sync(WebsocketConsumer):
    """Sends back what comes, on threads."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer; `sleep` takes a moment."""
        if text_data == "sleep":
            time.sleep(0.2)
        self.send(text_data, bytes_data)

    def disconnect(self, code: int) -> None:
        """Tell."""
        note(f"left {code}")


class Room(AsyncJsonWebsocketConsumer):
    """Everybody in a room hears what one of them says."""

    async def connect(self) -> None:
        """Enter."""
        self.groups = [f"room-{self.scope['url_route']['kwargs']['room']}"]
        for group in self.groups:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Tell everybody."""
        for group in self.groups or ():
            await self.channel_layer.group_send(group, {"type": "room.said", "what": content})

    async def room_said(self, event: Any) -> None:
        """Pass it on."""
        await self.send_json(event["what"])


class Refuses(AsyncWebsocketConsumer):
    """Takes nobody."""

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


class Broken(AsyncWebsocketConsumer):
    """Fails before it answers."""

    async def connect(self) -> None:
        """Fail."""
        raise RuntimeError("on purpose")


class Page(AsyncHttpConsumer):
    """Answers with the body, or waits for the client to leave."""

    async def handle(self, body: bytes) -> None:
        """Answer."""
        if body == b"wait":
            await self.send_headers()
            while True:
                await self.send_body(b"begun", more_body=True)
                await asyncio.sleep(0.01)
        await self.send_response(200, body, headers=[(b"content-type", b"text/plain")])

    async def disconnect(self) -> None:
        """Tell."""
        note("page is over")


echo = Echo.as_asgi()
app = ProtocolTypeRouter(
    {
        "http": URLRouter([path("page", Page.as_asgi())]),
        "websocket": URLRouter(
            [
                path("echo", echo),
                path("parallel", Parallel.as_asgi()),
                path("impatient", Impatient.as_asgi()),
                path("sync", Sync.as_asgi()),
                path("rooms/<int:room>", Room.as_asgi()),
                path("refuses", Refuses.as_asgi()),
                path("broken", Broken.as_asgi()),
            ]
        ),
    }
)
