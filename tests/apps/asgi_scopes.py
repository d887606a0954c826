"""An ASGI application that shows the scopes it is given, as Python writes them: the type and what is in it.

Over HTTP and over a WebSocket its own; at a path that ends in `/lifespan` that of its lifespan.
"""

from typing import Any

from hybrid.bridge.types import Message, Receive, Scope, Send

_lifespan: list[str] = []


def show(scope: Scope) -> str:
    """Write a scope; what is no literal in its extensions is named by its type."""
    extensions = {
        name: value if isinstance(value, dict) else type(value).__name__
        for name, value in scope.get("extensions", {}).items()
    }
    shown: dict[str, Any] = {**scope, "extensions": extensions}
    return repr((type(scope).__name__, shown))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Show a scope, and leave traces in it that no other may have."""
    match scope["type"]:
        case "lifespan":
            await _live(scope, receive, send)
        case "websocket":
            await receive()
            await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
            await send({"type": "websocket.send", "text": show(scope)})
        case _:
            text = _lifespan[0] if scope["path"].endswith("/lifespan") else show(scope)
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": text.encode()})
    _spoil(scope)


async def _live(scope: Scope, receive: Receive, send: Send) -> None:
    assert await receive() == {"type": "lifespan.startup"}
    _lifespan.append(show(scope))
    scope["state"].update(number=1, shared=["from the lifespan"])
    await send({"type": "lifespan.startup.complete"})
    message: Message = await receive()
    assert message == {"type": "lifespan.shutdown"}
    await send({"type": "lifespan.shutdown.complete"})


def _spoil(scope: Scope) -> None:
    for value in scope.values():
        if isinstance(value, dict):
            value["spoilt"] = True
    if "headers" in scope:
        scope["headers"].append((b"spoilt", b"yes"))
    scope["spoilt"] = True
