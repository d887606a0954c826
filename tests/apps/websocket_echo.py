"""Sends every WebSocket message back."""

from hybrid.bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket."""
    if scope["type"] != "websocket":
        raise ValueError(f"no {scope['type']} here")
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
