"""A WebSocket application that sends every text message to all its clients, as chats and dashboards do."""

from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

members: set[Send] = set()


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Accept a WebSocket and pass on what it says until the client leaves; other scopes are refused.

    The loop with an `await` for each member is that of FastAPI's `ConnectionManager` example.
    """
    if scope["type"] != "websocket":
        raise NotImplementedError(scope["type"])
    await receive()
    await send({"type": "websocket.accept"})
    members.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            for member in list(members):
                await member({"type": "websocket.send", "text": message["text"]})
    finally:
        members.discard(send)
