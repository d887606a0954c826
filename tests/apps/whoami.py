"""Tells over a WebSocket who its client is, and sends back what comes."""

from hybrid.bridge.types import Receive, Scope, Send


async def whoami(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a WebSocket."""
    identity = scope["identity"]
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
            text = f"{identity.user_id}, {identity.user}, {sorted(identity.claims)}, {identity.expires}"
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "text": message["text"]})
