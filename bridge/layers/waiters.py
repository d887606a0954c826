"""Readers that wait for a message, each on its own event loop, and how they are woken."""

import asyncio
import contextlib
from typing import Final

Waiter = asyncio.Future[None]

_NOBODY: Final[list[Waiter]] = []


class Waiters:
    """Who waits for a message in which channel, and who has been woken and had no turn yet. Under a lock."""

    def __init__(self) -> None:
        # None for a channel whose readers have been woken, until one of them looks.
        self._waiters: dict[str, list[Waiter] | None] = {}

    def __len__(self) -> int:
        return len(self._waiters)

    def add(self, channel: str, waiter: Waiter) -> None:
        """Note one that is to be woken when there is a message."""
        waiters = self._waiters.get(channel)
        if waiters is None:
            self._waiters[channel] = [waiter]
        else:
            waiters.append(waiter)

    def remove(self, channel: str, waiter: Waiter) -> None:
        """Forget one. If it is not there, it was woken, and its rivals with it."""
        self._keep(channel, [other for other in self._waiters.get(channel) or () if other is not waiter])

    def wake(self, channel: str, woken: list[Waiter]) -> None:
        """Put those who wait for a message in a channel on the list of those who are to be woken."""
        waiters = self._waiters.get(channel)
        if waiters is not None:
            self._waiters[channel] = None
            woken += waiters

    def looked(self, channel: str) -> None:
        """Note that a reader has looked for messages."""
        if self._waiters.get(channel, _NOBODY) is None:
            del self._waiters[channel]

    def is_woken(self, channel: str) -> bool:
        """Return whether the channel's readers have read everything, and had no turn since."""
        return self._waiters.get(channel, _NOBODY) is None

    def forget(self, channel: str) -> None:
        """Forget that somebody was woken, if nobody waits."""
        self._keep(channel, self._waiters.get(channel) or [])

    def forget_closed_loops(self) -> None:
        """Forget who waits on a loop that has been closed, and who was woken and never came."""
        for channel, waiters in tuple(self._waiters.items()):
            self._keep(channel, [waiter for waiter in waiters or () if not waiter.get_loop().is_closed()])

    def _keep(self, channel: str, waiters: list[Waiter]) -> None:
        if waiters:
            self._waiters[channel] = waiters
        else:
            self._waiters.pop(channel, None)


def wake(waiters: list[Waiter]) -> None:
    """Let waiters look at their channels, each on its own loop; one call for each loop that is elsewhere.

    Any thread, without the lock.
    """
    here = running_loop()
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


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs on this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
