"""The default channel layer, which worker processes share unless they are told otherwise.

WebSockets join the group that their path names, after what `?after=NUMBER` says they have; what is sent to
the group comes out as JSON. Over HTTP: `/publish/GROUP/TEXT`, `/members/GROUP`, `/self`.
"""

import asyncio
import json
import os
from typing import Any, cast
from urllib.parse import parse_qs

from hybrid.bridge.layers.registry import get_channel_layer
from hybrid.bridge.layers.workers import WorkersChannelLayer
from hybrid.bridge.types import Receive, Scope, Send


def the_layer() -> WorkersChannelLayer:
    """Return it."""
    return cast("WorkersChannelLayer", get_channel_layer())


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve all of it."""
    if scope["type"] == "websocket":
        await join(scope, receive, send)
    elif scope["type"] == "http":
        await answer(scope, send)
    else:
        raise NotImplementedError


async def join(scope: Scope, receive: Receive, send: Send) -> None:
    """Be a member of a group until the client leaves."""
    layer = the_layer()
    group = scope["path"].rpartition("/")[2]
    query = parse_qs(scope["query_string"].decode())
    after = int(query["after"][0]) if "after" in query else None
    await receive()
    await send({"type": "websocket.accept"})
    channel = await layer.new_channel()
    metadata = {"pid": os.getpid()}
    if after is None:
        await layer.group_add(group, channel, metadata)
        gap = False
    else:
        replay = await layer.resume(group, after, channel, metadata)
        gap = replay.gap
        for message in replay.messages:
            await say(send, message)
    await say(send, {"type": "joined", "pid": os.getpid(), "gap": gap})
    forward = asyncio.create_task(pass_on(channel, send))
    while (await receive())["type"] != "websocket.disconnect":
        pass
    forward.cancel()
    await layer.group_discard(group, channel)


async def pass_on(channel: str, send: Send) -> None:
    """Send what the channel gets."""
    while True:
        await say(send, await the_layer().receive(channel))


async def say(send: Send, message: dict[str, Any]) -> None:
    """Send a message as text."""
    await send({"type": "websocket.send", "text": json.dumps(message)})


async def answer(scope: Scope, send: Send) -> None:
    """Answer over HTTP."""
    layer = the_layer()
    _, verb, *rest = scope["path"].split("/")
    body: Any = {"pid": os.getpid(), "is_broker": layer.is_broker, "path": layer.path}
    if verb == "publish":
        await layer.group_send(rest[0], {"type": "said", "text": rest[1]})
    elif verb == "members":
        body = [member.metadata["pid"] for member in await layer.group_members(rest[0])]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
