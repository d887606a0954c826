"""The way back from worker threads to the event loop: one wake-up for everything that is ready."""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.wsgi.lull import Lull

logger = logging.getLogger("hybrid.server")

#: Seconds that responses are held back at most: workers that wait give up the GIL however long turns are.
_LONGEST_PAUSE = 0.005

Delivery = Callable[[bytes], object]


class Outbox:
    """Takes parts of responses from workers and delivers them on the loop, in order.

    A worker that wrote to the socket itself would give up the GIL for every response, and find the loop
    holding it when it came back. Left here, responses cost no system call, and the loop sends all that have
    gathered when the worker next waits for something, or has had the GIL for its switch interval: a response
    is not held up by a slow one after it.

    A worker that waits often, as for each row of a database file, would have the loop come as often. So while
    many jobs wait, the loop comes back a switch interval later, or when a worker has done a job and few are
    left in its pool, and not before: there is enough to do until then. ``docs/design.md`` has the
    measurements.

    Bounded by its users: an exchange leaves a bounded number of bytes here before it waits for the loop.

    Args:
        loop: what delivers.

    Attributes:
        lulls: of the pools whose workers put parts here.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.lulls: Iterable[Lull] = ()
        self._deliveries: deque[tuple[Delivery, bytes]] = deque()
        self._due = False  # whether the loop is about to come: it has been woken, or will by itself
        self._next: asyncio.TimerHandle | None = None  # when it comes by itself

    def __repr__(self) -> str:
        return f"<Outbox {len(self._deliveries)} waiting>"

    def put(self, deliver: Delivery, data: bytes) -> None:
        """Have ``deliver(data)`` called on the loop (worker).

        First the part, then the look at the flag; the loop lowers the flag first and then takes the parts. So
        a part is taken by a delivery that is due already, or makes one due.

        Raises:
            ClientDisconnected: the loop has ended, and every connection with it.
        """
        self._deliveries.append((deliver, data))
        if not self._due:
            self._due = True
            try:
                self._loop.call_soon_threadsafe(self.deliver)
            except RuntimeError as error:
                raise ClientDisconnected("the server has stopped") from error

    def hurry(self) -> None:
        """Have the loop come now if it would let what this worker has put wait: to be called before a worker
        waits for what comes of that (worker).
        """
        if self._deliveries and self._next is not None:
            self._call_loop()

    def wait(self, until: Callable[[], Awaitable[object]] | None = None) -> None:
        """Wait until the loop has delivered everything, and then for what ``until`` returns (worker).

        Raises:
            ClientDisconnected: the loop ends or has ended; or whatever is waited for raises it.
        """
        waiting = self._deliver_and_wait(until)
        try:
            future = asyncio.run_coroutine_threadsafe(waiting, self._loop)
        except RuntimeError as error:  # the loop is closed: the server was forced to stop
            waiting.close()
            raise ClientDisconnected("the server has stopped") from error
        try:
            future.result()
        except CancelledError as error:
            raise ClientDisconnected("the server is stopping") from error

    async def _deliver_and_wait(self, until: Callable[[], Awaitable[object]] | None) -> None:
        self.deliver()
        if until is not None:
            await until()

    def deliver(self) -> None:
        """Deliver what there is (loop).

        To be called first by what comes from a worker another way and must not overtake what that has put:
        the delivery that is due may be another worker's to call for, which may not have come to it yet.
        """
        self._due = False
        if self._next is not None:
            self._next.cancel()
            self._next = None
        deliveries = self._deliveries
        if deliveries:
            self._come_back()
        while deliveries:
            deliver, data = deliveries.popleft()
            try:
                deliver(data)
            except Exception:  # one connection's failure is not the next one's
                logger.exception("a response could not be sent")

    def _come_back(self) -> None:
        """Have the loop come by itself if there is enough to do for the workers until then (loop)."""
        waiting = [lull.call(self._call_loop) for lull in self.lulls]
        if any(waiting):
            for lull in self.lulls:  # also of a pool with few jobs: its workers call when they have done one
                lull.listeners.add(self._call_loop)
            pause = min(sys.getswitchinterval(), _LONGEST_PAUSE)
            self._next = self._loop.call_later(pause, self.deliver)  # before the flag
            self._due = True

    def _call_loop(self) -> None:
        """Have the loop come now (worker)."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.deliver)
