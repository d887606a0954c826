"""The figures for pages that are open: read once a second for all of them, while there is any."""

import asyncio
import json
from contextlib import suppress
from typing import Final

from hybrid.bridge.types import Receive, Send
from hybrid.server.ops.metrics.snapshot import Snapshot
from hybrid.server.status.commands import Status

#: Seconds between two readings.
INTERVAL: Final = 1.0
#: Pages that may be open at a time, for each process.
MOST_PAGES: Final = 32


class Live:
    """Sends readings to pages. Loop thread only.

    A page that is slow to take one misses those that come meanwhile: nothing is queued for it.

    Args:
        status: takes the readings.
    """

    def __init__(self, status: Status) -> None:
        self._status = status
        self._pages = 0
        self._reading: asyncio.Task[str] | None = None
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Live for {self._pages} pages>"

    async def serve(self, receive: Receive, send: Send) -> None:
        """Serve the WebSocket of a page until it goes."""
        if self._pages >= MOST_PAGES:
            await send({"type": "websocket.close"})
            return
        self._pages += 1
        try:
            await receive()
            await send({"type": "websocket.accept"})
            gone = asyncio.create_task(_until_gone(receive))
            try:
                await self._send_readings(gone, send)
            finally:
                gone.cancel()
                with suppress(asyncio.CancelledError):
                    await gone
        finally:
            self._pages -= 1
            if not self._pages and self._reading is not None:
                self._reading.cancel()
                self._reading = None

    async def _send_readings(self, gone: "asyncio.Task[None]", send: Send) -> None:
        # At once the first time.
        reading = asyncio.create_task(self._read())
        while True:
            await asyncio.wait({gone, reading}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                if reading is not self._reading:
                    reading.cancel()
                return
            await send({"type": "websocket.send", "text": await reading})
            reading = self._next()

    def _next(self) -> "asyncio.Task[str]":
        """Return the reading that all pages wait for."""
        if self._reading is None or self._reading.done():
            self._reading = self._loop.create_task(self._read_later())
        return self._reading

    async def _read_later(self) -> str:
        await asyncio.sleep(INTERVAL)
        return await self._read()

    async def _read(self) -> str:
        """Encode on a thread: with hundreds of routes that takes longer than the loop should be held."""
        return await asyncio.to_thread(_encode, await self._status.read_all())


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass  # the page has nothing to say


def _encode(snapshot: Snapshot) -> str:
    return json.dumps(snapshot.to_json(), separators=(",", ":"))
