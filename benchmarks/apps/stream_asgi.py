"""An ASGI application that answers `GET /SIZE` with so many bytes, one part of 64 KiB after the other."""

from typing import Any

from benchmarks.apps.stream_wsgi import CHUNK


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Stream; the size is a multiple of that of a part."""
    size = int(scope["path"].strip("/"))
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(size // len(CHUNK)):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body"})
