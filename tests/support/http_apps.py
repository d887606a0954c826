"""Small ASGI applications for the tests of HTTP."""

from hybrid.bridge.types import Receive, Scope, Send


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the request: its method, path and body."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    head = f"{scope['method']} {scope['path']} ".encode()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": head + body})


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without looking at the body."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"deaf"})
