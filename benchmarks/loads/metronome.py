"""Requests at fixed times, whatever becomes of those before: an open loop.

A client that waits for an answer before it sends again never sees how long the requests would have waited
that it did not send. Here every latency counts from the moment that the request was due, also when the client
itself, or a connection, was late.
"""

import asyncio
from collections.abc import Callable


class Metronome:
    """Calls `action` with the time that it is due, `rate` times a second from `start` on.

    It stops after `count` calls, or when told to.
    """

    def __init__(self, rate: float, action: Callable[[float], None], count: int | None = None) -> None:
        self._interval = 1 / rate
        self._action = action
        self._count = count
        self._beats = 0
        self._begin = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Make the first call at once."""
        self._begin = asyncio.get_running_loop().time()
        self._beat()

    def stop(self) -> None:
        """Make no more calls."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._beats != self._count:
            due = self._begin + self._beats * self._interval  # a sum of intervals would drift
            if due > now:
                self._timer = loop.call_at(due, self._beat)
                return
            self._beats += 1
            self._action(due)
