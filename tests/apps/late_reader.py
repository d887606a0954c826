"""ASGI applications that say on stderr how the body of their request ended.

`app` answers then, `answering` has begun to answer before it looks at the body.
"""

import sys

from hybrid.bridge.types import Message, Receive, Scope, Send


async def _last(receive: Receive) -> Message:
    """Receive to the end, and tell."""
    while (message := await receive())["type"] == "http.request" and message["more_body"]:
        pass
    sys.stderr.write(f"the body ended with {message['type']}\n")
    return message


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer when the body has ended."""
    if (await _last(receive))["type"] == "http.request":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"read"})


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin to answer, and read then."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    if (await _last(receive))["type"] == "http.request":
        await send({"type": "http.response.body", "body": b"read"})
