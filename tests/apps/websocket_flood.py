"""Sends to a WebSocket for ever, and waits for nothing but that; answers HTTP, if it is its turn."""

from hybrid.bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request, or one WebSocket."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"here"})
        return
    await send({"type": "websocket.accept"})
    while True:
        await send({"type": "websocket.send", "text": "flood"})
