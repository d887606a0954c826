"""Sends messages of WebSockets back, and tells over HTTP how many handshakes there were since the last time.

Other requests are answered 200, as any request that asks for no WebSocket.
"""

import json

from hybrid.bridge.types import Receive, Scope, Send

_handshakes: list[Scope] = []


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request, or one WebSocket."""
    if scope["type"] == "http":
        await _tell(scope, send)
    else:
        await _serve(scope, receive, send)


async def _tell(scope: Scope, send: Send) -> None:
    body = b"an ordinary request"
    if scope["path"] == "/handshakes":
        body = b"%d" % len(_handshakes)
        _handshakes.clear()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Speak the first subprotocol of the offer, and send messages back; to "scope", what that is."""
    _handshakes.append(scope)
    await receive()
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "scope":
            headers = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
            message = {"text": json.dumps({"headers": headers, "subprotocols": offered})}
        await send({**message, "type": "websocket.send"})
