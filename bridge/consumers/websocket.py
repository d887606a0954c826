"""Consumers of WebSockets whose handlers are coroutines."""

import json
from collections.abc import Iterable
from typing import Any

from hybrid.bridge.consumers.groups import GroupMember, join_groups, leave_groups
from hybrid.bridge.consumers.messages import Field, accept_message, close_message, data_message
from hybrid.bridge.errors import AcceptConnection, DenyConnection, StopConsumer
from hybrid.bridge.types import Message


class AsyncWebsocketConsumer(GroupMember):
    """A WebSocket as :meth:`connect`, :meth:`receive` and :meth:`disconnect`, each to be overridden."""

    async def websocket_connect(self, message: Message) -> None:
        """Join the groups and answer the handshake."""
        await join_groups(self)
        try:
            await self.connect()
        except AcceptConnection:
            await self.accept()
        except DenyConnection:
            await self.close()

    async def connect(self) -> None:
        """Answer the handshake: :meth:`accept`, which is the default, or :meth:`close`."""
        await self.accept()

    async def accept(self, subprotocol: str | None = None, headers: Iterable[Field] | None = None) -> None:
        """Accept the handshake, with one of the offered subprotocols and further header fields."""
        await super().send(accept_message(subprotocol, headers))

    async def websocket_receive(self, message: Message) -> None:
        """Pass a message on to :meth:`receive`."""
        text = message.get("text")
        if text is not None:
            await self.receive(text_data=text)
        else:
            await self.receive(bytes_data=message["bytes"])

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take a message: text, or bytes."""

    async def send(  # type: ignore[override]
        self, text_data: str | None = None, bytes_data: bytes | None = None, close: bool | int = False
    ) -> None:
        """Send a message, and close if told so: True, or a code.

        Raises:
            ClientDisconnected: the client has left.
            ValueError: there is neither text nor bytes.
        """
        await super().send(data_message(text_data, bytes_data))
        if close:
            await self.close(close)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close the WebSocket, or refuse the handshake; nothing happens when the client has left."""
        await super().send(close_message(code, reason))

    async def websocket_disconnect(self, message: Message) -> None:
        """Leave the groups, and say that it is over."""
        await leave_groups(self)
        await self.disconnect(message["code"])
        raise StopConsumer

    async def disconnect(self, code: int) -> None:
        """Clean up: the client has left, or the WebSocket is closed. What is sent here reaches nobody."""


class AsyncJsonWebsocketConsumer(AsyncWebsocketConsumer):
    """A WebSocket whose messages are JSON texts; bytes are an error."""

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Decode a text, the empty one too, and pass it on to :meth:`receive_json`."""
        if text_data is None:
            raise ValueError("No text section for incoming WebSocket frame!")
        await self.receive_json(await self.decode_json(text_data), **kwargs)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Take a message."""

    async def send_json(self, content: Any, close: bool | int = False) -> None:
        """Send a message, and close if told so."""
        await super().send(text_data=await self.encode_json(content), close=close)

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        """Turn a text into what :meth:`receive_json` takes."""
        return json.loads(text_data)

    @classmethod
    async def encode_json(cls, content: Any) -> str:
        """Turn what :meth:`send_json` is given into a text."""
        return json.dumps(content)
