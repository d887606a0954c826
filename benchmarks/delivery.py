"""What a channel layer in memory needs to bring a group message to readers that wait, without any server.

    python -m benchmarks.delivery LAYER READERS SECONDS

prints the messages received and the CPU seconds that they took, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

MESSAGE = {"type": "chat.message", "text": "x" * 100}


def hybrid() -> Any:
    """Ours."""
    from hybrid.bridge import InMemoryChannelLayer

    return InMemoryChannelLayer()


def channels() -> Any:
    """Channels'."""
    from channels.layers import InMemoryChannelLayer

    return InMemoryChannelLayer()


LAYERS: dict[str, Callable[[], Any]] = {"hybrid": hybrid, "channels": channels}


class Readers:
    """Coroutines that receive, and how many of them still miss the message that is on its way."""

    def __init__(self, layer: Any) -> None:
        self.received = 0
        self._layer = layer
        self._tasks: list[asyncio.Task[None]] = []
        self._missing = 0
        self._complete = asyncio.Event()

    async def join(self, count: int) -> None:
        """Let so many wait."""
        for _ in range(count):
            channel = await self._layer.new_channel()
            await self._layer.group_add("everybody", channel)
            self._tasks.append(asyncio.create_task(self._read(channel)))
        await asyncio.sleep(0)  # until all wait

    async def tell(self) -> None:
        """Send them a message, and wait until all have it."""
        self._missing = len(self._tasks)
        self._complete.clear()
        await self._layer.group_send("everybody", MESSAGE)
        await self._complete.wait()

    async def leave(self) -> None:
        """End them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, channel: str) -> None:
        while True:
            message = await self._layer.receive(channel)
            if message != MESSAGE:
                raise ValueError(f"received {message!r}")
            self.received += 1
            self._missing -= 1
            if not self._missing:
                self._complete.set()


async def deliver(layer: Any, count: int, seconds: float) -> tuple[int, float]:
    """Send one message after the other for so long; give the messages received and the CPU seconds."""
    readers = Readers(layer)
    await readers.join(count)
    try:
        for _ in range(3):
            await readers.tell()
        before, start = readers.received, time.process_time()
        while (spent := time.process_time() - start) < seconds:
            await readers.tell()
        return readers.received - before, spent
    finally:
        await readers.leave()


def main(layer: str, count: int, seconds: float) -> None:
    """Measure and print."""
    import uvloop

    calls, cpu = uvloop.run(deliver(LAYERS[layer](), count, seconds))
    print(json.dumps({"calls": calls, "cpu": cpu}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
