"""The WebSockets of the project."""

from hybrid import path
from hybrid.bridge.types import Receive, Scope, Send


async def said_back(scope: Scope, receive: Receive, send: Send) -> None:
    """Say back what a client says."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


websocket_urlpatterns = [path("echo", said_back)]
