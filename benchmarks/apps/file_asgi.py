"""An ASGI application that answers `GET /SIZE` with the end of a file, that many bytes: all of it by its
path.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.apps.file_wsgi import FILE_VARIABLE

PIECE = 64 * 1024


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Hand the path over where the server takes it; read what is less than all, and for other servers."""
    size = int(scope["path"].strip("/"))
    path = Path(os.environ[FILE_VARIABLE])
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if size == size_of(path) and "http.response.pathsend" in scope.get("extensions", {}):
        await send({"type": "http.response.pathsend", "path": str(path)})
        return
    for piece in pieces(path, size):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


def size_of(path: Path) -> int:
    """Return the size of a file."""
    return path.stat().st_size


def pieces(path: Path, size: int) -> Iterator[bytes]:
    """Read the end of a file."""
    with path.open("rb") as file:
        file.seek(-size, os.SEEK_END)
        while piece := file.read(PIECE):
            yield piece
