"""What the tests of channel layers share: a clock, loops that end, readers that do not wait."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hybrid.bridge.layers import BaseChannelLayer, InMemoryChannelLayer

DEADLINE = 60.0
Result = TypeVar("Result")


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the present second."""
        return self.now


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on an event loop of its own; one that hangs fails."""

    async def within_deadline() -> Result:
        async with asyncio.timeout(DEADLINE):
            return await main

    return asyncio.run(within_deadline())


class ThreadedAdapter:
    """What the model needs of a layer of several processes, which is on the loop of a thread, beside threads
    that publish, as in a server.

    Args:
        make: makes the layer, on the loop.
        prepare: awaited on the loop before that.
    """

    timed = False

    def __init__(self, make: Callable[[], BaseChannelLayer], prepare: Coroutine[Any, Any, object]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.run(prepare)
        self.layer = make()
        self.run(self.layer.open())

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the layer's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)

    def settle(self) -> None:
        """Have an answer that comes after all that was sent, and let the loop deliver that."""
        self.run(self._settle())

    async def _settle(self) -> None:
        await self.layer.group_count("nobody")
        for _ in range(10):
            await asyncio.sleep(0)

    def wait(self, seconds: int) -> None:
        """Let no time pass."""

    def close(self) -> None:
        """Close the layer and the loop."""
        self.run(self.end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def end(self) -> None:
        """Close the layer, on the loop."""
        await self.layer.close()


async def waiting(layer: InMemoryChannelLayer, channel: str) -> list[dict[str, Any]]:
    """Return what can be received from a channel without waiting for anything new."""
    messages: list[dict[str, Any]] = []
    while True:
        task = asyncio.ensure_future(layer.receive(channel))
        for _ in range(3):
            await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return messages
        messages.append(task.result())


async def member(layer: InMemoryChannelLayer, group: str = "board") -> str:
    """Make a channel that belongs to a group."""
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


def publish(layer: InMemoryChannelLayer, count: int) -> None:
    """Publish so many numbered messages."""
    for n in range(count):
        layer.publish("board", {"n": n})


def in_threads(count: int, work: Callable[[int], object]) -> None:
    """Run `work(number)` on several threads at once and wait for them."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class MemoryAdapter:
    """A layer in memory for the model of :mod:`tests.support.layer_model`, with a clock of its own."""

    timed = True

    def __init__(self, options: dict[str, Any]) -> None:
        self._clock = Clock()
        self._loop = asyncio.new_event_loop()
        self.layer = InMemoryChannelLayer(**options, clock=self._clock)

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the layer's loop."""
        return self._loop.run_until_complete(coroutine)

    def settle(self) -> None:
        """Deliver everything, and look for what has expired though it is not yet time to."""
        self.layer._books.sweep_at = 0
        self.layer._switchboard.sweep()
        self.run(asyncio.sleep(0))

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self._clock.now += seconds

    def close(self) -> None:
        """Close the layer and the loop."""
        self.run(self.layer.close())
        self._loop.close()


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds; the deadline is that of :func:`run`."""
    while not condition():
        await asyncio.sleep(0.005)
