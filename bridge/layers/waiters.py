"""Readers that wait for a message, each on its own event loop, and how they are woken."""

import asyncio
import contextlib

Waiter = asyncio.Future[None]


class Waiters:
    """Who waits for a message in which channel; the caller holds a lock."""

    def __init__(self) -> None:
        self._waiters: dict[str, list[Waiter]] = {}

    def __len__(self) -> int:
        return len(self._waiters)

    def add(self, channel: str, waiter: Waiter) -> None:
        """Note one that is to be woken when there is a message."""
        self._waiters.setdefault(channel, []).append(waiter)

    def remove(self, channel: str, waiter: Waiter) -> None:
        """Forget one. If it is not there, it was woken, and its rivals with it."""
        self._keep(channel, [other for other in self._waiters.get(channel, ()) if other is not waiter])

    def pop(self, channel: str) -> list[Waiter]:
        """Return those who wait for a message in a channel, and forget them: they are to be woken."""
        return self._waiters.pop(channel, [])

    def forget_closed_loops(self) -> None:
        """Forget who waits on a loop that has been closed."""
        for channel, waiters in tuple(self._waiters.items()):
            self._keep(channel, [waiter for waiter in waiters if not waiter.get_loop().is_closed()])

    def _keep(self, channel: str, waiters: list[Waiter]) -> None:
        if waiters:
            self._waiters[channel] = waiters
        else:
            self._waiters.pop(channel, None)


def wake(waiters: list[Waiter]) -> None:
    """Let waiters look at their channels, each on its own loop; one call for each loop that is elsewhere.

    Any thread, without the lock.
    """
    if not waiters:
        return
    here = _running_loop()
    elsewhere: dict[asyncio.AbstractEventLoop, list[Waiter]] = {}
    for waiter in waiters:
        loop = waiter.get_loop()
        if loop is here:
            if not waiter.done():
                waiter.set_result(None)
        else:
            elsewhere.setdefault(loop, []).append(waiter)
    for loop, theirs in elsewhere.items():
        with contextlib.suppress(RuntimeError):  # The loop has been closed, and who waited on it is gone.
            loop.call_soon_threadsafe(_release, theirs)


def _release(waiters: list[Waiter]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
