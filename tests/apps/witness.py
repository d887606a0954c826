"""ASGI applications that tell what happened to them: `/report?KEY` waits until that is known.

Each takes its key from the query string of its request.
"""

import asyncio
import json
from typing import Any

from hybrid.bridge.types import Receive, Scope, Send

_reports: dict[str, "asyncio.Future[Any]"] = {}


def _report(key: str) -> "asyncio.Future[Any]":
    return _reports.setdefault(key, asyncio.get_running_loop().create_future())


def _key(scope: Scope) -> str:
    key: bytes = scope["query_string"]
    return key.decode()


def _tell(scope: Scope, what: Any) -> None:
    _report(_key(scope)).set_result(what)


async def _answer(send: Send, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})


async def report(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait until an application has told what happened, and pass it on."""
    await _answer(send, json.dumps(await _report(_key(scope))).encode())


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Let a client tell something."""
    _tell(scope, "told")
    await _answer(send)


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer when somebody has told the key."""
    await _report(_key(scope))
    await _answer(send, _key(scope).encode())


async def shows_scope(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the scope."""
    await _answer(send, repr(dict(scope)).encode())


async def echoes(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body, part for part."""
    await send({"type": "http.response.start", "status": 200})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without a look at the body."""
    await _answer(send, b"deaf")


async def bodiless(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the status of the query, and a body that may not be sent."""
    await send({"type": "http.response.start", "status": int(_key(scope))})
    await send({"type": "http.response.body", "body": b"body"})


async def own_fields(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a Date and a Server of its own."""
    headers = [(b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"Server", b"mine")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body"})


async def receives_to_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for the client to leave, and tell all events and how `send` fails afterwards."""
    events: list[str] = []
    while not events or events[-1] != "http.disconnect":
        events.append((await receive())["type"])
    try:
        await _answer(send)
    except OSError:
        events.append("OSError")
    _tell(scope, events)


async def sends_to_nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """Send until that fails, and tell how."""
    await send({"type": "http.response.start", "status": 200})
    try:
        while True:
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
    except OSError:
        _tell(scope, "OSError")
        raise


async def works_afterwards(scope: Scope, receive: Receive, send: Send) -> None:
    """Go on after the response until somebody has told the key with `-go`, and tell."""
    await _answer(send, b"done")
    event = await receive()
    await _report(_key(scope) + "-go")
    _tell(scope, event["type"])


async def sends_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Send parts from many tasks at once."""
    await send({"type": "http.response.start", "status": 200})
    parts = [b"%03d," % number * 20_000 for number in range(20)]
    messages: list[dict[str, Any]] = [
        {"type": "http.response.body", "body": part, "more_body": True} for part in parts
    ]
    await asyncio.gather(*(send(message) for message in messages))
    await send({"type": "http.response.body"})


async def uses_state(scope: Scope, receive: Receive, send: Send) -> None:
    """Have a lifespan whose state requests may read and change."""
    if scope["type"] == "lifespan":
        await receive()
        scope["state"].update(number=1, shared=[])
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    state = scope["state"]
    state["number"] += 1
    state["shared"].append("seen")
    await _answer(send, json.dumps(state).encode())
