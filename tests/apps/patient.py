"""Answers when a request has come in completely, with its size: the client decides how long that takes."""

from hybrid.bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body to its end."""
    if scope["type"] != "http":
        raise ValueError(f"no {scope['type']} here")
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    body = b"%d bytes\n" % size
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
