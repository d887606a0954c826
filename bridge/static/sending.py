"""Bytes of an open file as the body of a response, as the server can best send them."""

import asyncio
import os
from contextlib import suppress
from typing import Any, Final

from hybrid.bridge.static.sources import read_at
from hybrid.bridge.types import Receive, Scope, Send

ZEROCOPYSEND: Final = "http.response.zerocopysend"
PATHSEND: Final = "http.response.pathsend"
#: Bytes that a thread reads at a time.
_PIECE_SIZE: Final = 256 * 1024


class OpenFile:
    """A descriptor that is closed once, and not under a thread that reads from it. Loop thread only.

    Attributes:
        path: of the file.
        size: bytes that it had when it was opened.
    """

    def __init__(self, descriptor: int, path: str, size: int) -> None:
        self._descriptor = descriptor
        self.path = path
        self.size = size
        self._reading: asyncio.Future[bytes] | None = None

    def __repr__(self) -> str:
        return f"<OpenFile {self.path}>"

    def fileno(self) -> int:
        """Return the descriptor, as files do."""
        return self._descriptor

    async def read(self, count: int, offset: int) -> bytes:
        """Read some bytes on a thread."""
        loop = asyncio.get_running_loop()
        self._reading = loop.run_in_executor(None, read_at, self._descriptor, count, offset)
        return await asyncio.shield(self._reading)

    def close(self) -> None:
        """Close it, when nobody reads from it any more."""
        if self._reading is None or self._reading.done():
            os.close(self._descriptor)
        else:  # whoever waited for it has been cancelled
            self._reading.add_done_callback(self._close_after)

    def _close_after(self, reading: asyncio.Future[bytes]) -> None:
        os.close(self._descriptor)
        if not reading.cancelled():
            reading.exception()  # which nobody wants to know any more


async def send_part(scope: Scope, receive: Receive, send: Send, file: OpenFile, part: range) -> None:
    """Send some bytes of a file, at least one, as the body of a response that has begun.

    Where the server takes a descriptor, it is given that; or the file's path, for the whole of it. Elsewhere
    a thread reads, as the loop must not wait for a disk.
    """
    extensions: Any = scope.get("extensions") or ()
    if ZEROCOPYSEND in extensions:
        message = {"type": ZEROCOPYSEND, "file": file, "offset": part.start, "count": len(part)}
        await send(message)
    elif PATHSEND in extensions and len(part) == file.size:
        await send({"type": PATHSEND, "path": file.path})
    else:
        await _send_pieces(receive, send, file, part)


async def _send_pieces(receive: Receive, send: Send, file: OpenFile, part: range) -> None:
    """Read and send piece by piece, unless the client leaves: a server may go on taking them then."""
    leaving = asyncio.ensure_future(_departure(receive))
    try:
        for start in range(part.start, part.stop, _PIECE_SIZE):
            stop = min(start + _PIECE_SIZE, part.stop)
            data = await file.read(stop - start, start)
            if leaving.done():
                return
            if len(data) < stop - start:
                raise RuntimeError(f"{file.path} became shorter while it was sent")
            await send({"type": "http.response.body", "body": data, "more_body": stop < part.stop})
    finally:
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
