"""Answers as `wsgi_nonce` does, on the event loop."""

import asyncio

from hybrid.bridge.types import Receive, Scope, Send
from tests.apps.wsgi_nonce import expected


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer to `/NONCE/SHAPE/SIZE`, in one part or in several, and fail half-way when the shape says so."""
    assert scope["type"] == "http"
    nonce, shape, size = scope["path"].removeprefix(scope["root_path"]).strip("/").split("/")
    uploaded = 0
    while (message := await receive())["type"] == "http.request":
        uploaded += len(message["body"])
        if not message["more_body"]:
            break
    headers = [(b"x-nonce", nonce.encode()), (b"x-uploaded", b"%d" % uploaded)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = expected(nonce, int(size))
    step = len(body) + 1 if shape == "list" else 7000
    for start in range(0, len(body), step):
        if shape == "fail" and start > len(body) // 2:
            raise ValueError("half-way")
        await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})
