"""The ASGI target, `demo_flask.asgi:ws_app`: the WebSocket at `/ws` that keeps open pages up to date."""

import asyncio
from collections.abc import Iterable

from demo_flask import live
from demo_flask.origin import same_origin
from hybrid.bridge.types import Receive, Scope, Send


async def ws_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one open page from its handshake to its end (ASGI WebSocket scope)."""
    if scope["type"] != "websocket":
        raise NotImplementedError(f"demo_flask.asgi:ws_app serves WebSockets, not {scope['type']!r}")
    await receive()  # websocket.connect
    if not _welcome(scope):
        await send({"type": "websocket.close"})  # Before accept: the handshake is answered with 403.
        return
    channel = await live.layer.new_channel("page")
    # Join first: the page asks for what it has missed once the socket is open, and nothing may fall in
    # between.
    await live.layer.group_add(live.GROUP, channel)
    try:
        await send({"type": "websocket.accept"})
        async with asyncio.TaskGroup() as tasks:
            forwarding = tasks.create_task(_forward(channel, send))
            await _answer(receive, send)
            forwarding.cancel()
    finally:
        await live.layer.group_discard(live.GROUP, channel)


def _welcome(scope: Scope) -> bool:
    """Say whether this is the board's path, asked for by a page of the board itself."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    headers = scope["headers"]
    return path == "/ws" and same_origin(_field(headers, b"origin"), _field(headers, b"host"))


def _field(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)


async def _forward(channel: str, send: Send) -> None:
    """Send the page what is announced, until it is cancelled or the page is gone."""
    try:
        while True:
            message = await live.layer.receive(channel)
            await send({"type": "websocket.send", "text": message["text"]})
    except OSError:
        return  # The page is gone, and _answer is told so too.


async def _answer(receive: Receive, send: Send) -> None:
    """Answer the pings with which a page finds out that a connection is dead; ignore what else it sends."""
    while (event := await receive())["type"] != "websocket.disconnect":
        if event.get("text") == "ping":
            try:
                await send({"type": "websocket.send", "text": '{"type": "pong"}'})
            except OSError:
                return
