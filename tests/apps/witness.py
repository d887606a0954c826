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


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a body when the first part of it has come."""
    await receive()
    await send({"type": "http.response.start", "status": 413})
    await send({"type": "http.response.body", "body": b"too much"})


async def sends_little(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with no more keys than there must be, and some that mean nothing."""
    await send({"type": "http.response.start", "status": 200, "x-unknown": object()})
    await send({"type": "http.response.body", "x-unknown": object()})


async def sends_fields(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with some header fields, from an iterator, as pairs of different kinds."""
    fields: list[Any] = [(b"b", b"2"), [b"a", b"1"], (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    fields += [(b"Transfer-Encoding", b"gzip, chunked"), (b"transfer-encoding", b"chunked")]
    await send({"type": "http.response.start", "status": 200, "headers": iter(fields)})
    await send({"type": "http.response.body", "body": b"all ", "more_body": True})
    await send({"type": "http.response.body", "body": b"of it", "more_body": False})


async def sends_parts(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in parts, some of them empty."""
    await send({"type": "http.response.start", "status": 200})
    for part in (b"", b"one", b"", b"two", memoryview(b"three"), b""):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "more_body": False})


async def sends_and_waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a part, and the last one when somebody has told the key with `-go`."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await _report(_key(scope) + "-go")
    await send({"type": "http.response.body", "body": b"last"})


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


async def receives_again(scope: Scope, receive: Receive, send: Send) -> None:
    """Receive some times after the response, also at once, and tell what."""
    first = (await receive())["type"]
    waiting = asyncio.ensure_future(receive())
    await _answer(send)
    events = [await waiting, await receive(), *await asyncio.gather(receive(), receive())]
    _tell(scope, [first, *(event["type"] for event in events)])


class ClientGone(Exception):
    """What is raised in the place of the server's error."""


async def translates(scope: Scope, receive: Receive, send: Send) -> None:
    """Send until that fails, and raise an error of its own."""
    try:
        await sends_to_nobody(scope, receive, send)
    except OSError:
        raise ClientGone  # noqa: B904 - as Starlette does


async def sends_in_a_group(scope: Scope, receive: Receive, send: Send) -> None:
    """Send from several tasks until that fails, and tell how."""
    await send({"type": "http.response.start", "status": 200})

    async def stream() -> None:
        while True:
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(stream())
    except* OSError:
        _tell(scope, "OSErrors")
        raise


async def sends_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Send parts from many tasks at once."""
    await send({"type": "http.response.start", "status": 200})
    parts = [b"%03d," % number * 20_000 for number in range(20)]
    messages: list[dict[str, Any]] = [
        {"type": "http.response.body", "body": part, "more_body": True} for part in parts
    ]
    await asyncio.gather(*(send(message) for message in messages))
    await send({"type": "http.response.body"})
