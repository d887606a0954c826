"""ASGI applications that move much data, and show at `/status` how much they have moved so far."""

import asyncio
import json
import zlib
from collections import Counter, defaultdict

from hybrid.bridge.types import Receive, Scope, Send

SIZE = 50 * 1024 * 1024
PART = bytes(range(256)) * 256

_moved: Counter[str] = Counter()
_opened: defaultdict[bytes, asyncio.Event] = defaultdict(asyncio.Event)


async def status(scope: Scope, receive: Receive, send: Send) -> None:
    """Show how many bytes have been sent and received; a query lets `upload` with the same one begin."""
    if scope["query_string"]:
        _opened[scope["query_string"]].set()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": json.dumps(_moved).encode()})


async def download(scope: Scope, receive: Receive, send: Send) -> None:
    """Send fifty megabytes, and count what has been taken."""
    headers = [(b"content-length", b"%d" % SIZE)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(SIZE // len(PART)):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
        _moved["sent"] += len(PART)
    await send({"type": "http.response.body"})


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a megabyte in one part, and count the calls."""
    _moved["calls"] += 1
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": PART * 16})


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Look at no body before `/status` has had our query; then count it, and answer with its checksum."""
    _moved["uploads"] += 1
    await _opened[scope["query_string"]].wait()
    checksum = 0
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        _moved["received"] += len(message["body"])
        checksum = zlib.crc32(message["body"], checksum)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"%d" % checksum})
