"""What consumers do: one source, for this project's class and for Channels'."""

from typing import Any

#: The environment variable with the URL of the Redis that groups go through: hybrid's own.
LAYER_VARIABLE = "HYBRID_LAYER"


def chat(base: Any) -> Any:
    """Make a consumer that sends each text message to all connections, on the class of either project."""

    class Chat(base):  # type: ignore[misc]
        """A room with everybody in it."""

        groups = ("everybody",)

        async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            """Pass it on."""
            await self.channel_layer.group_send("everybody", {"type": "chat.message", "text": text_data})

        async def chat_message(self, event: Any) -> None:
            """Tell the client."""
            await self.send(text_data=event["text"])

    return Chat


def echo(base: Any) -> Any:
    """Make a consumer that sends every message back, on the class of either project."""

    class Echo(base):  # type: ignore[misc]
        """Echoes."""

        async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            """Send it back."""
            await self.send(text_data, bytes_data)

    return Echo
