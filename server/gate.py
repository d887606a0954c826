"""How many requests the applications answer at a time, and the queue before them (``limit_concurrency``)."""

import asyncio
from collections import OrderedDict
from contextvars import copy_context
from math import inf
from typing import Protocol, Self

from hybrid.server.config import Config


class Visitor(Protocol):
    """A request at the gate; it is told one of these, once, unless it leaves first. All on the loop."""

    def admitted(self) -> None:
        """It is inside: the application may have it."""
        ...

    def turned_away(self, reason: str) -> None:
        """It will not be let in."""
        ...


class Gate:
    """Lets a number of requests into the applications at a time, and others wait in order. Loop thread only.

    The queue is bounded in number and in time, so that under overload some are answered soon, with a 503, and
    not all of them too late. A newcomer never overtakes who waits.

    Args:
        loop: whose time counts.
        limit: requests inside, at most.
        queue: requests that wait, at most.
        patience: seconds that one may wait; 0 is for ever.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int, queue: int, patience: float) -> None:
        self._loop = loop
        self._limit = limit
        self._queue = queue
        self._patience = patience or inf
        self._inside: set[Visitor] = set()
        self._waiting: OrderedDict[Visitor, float] = OrderedDict()  # with the time until which they wait
        self._timer: asyncio.TimerHandle | None = None  # for the first of them
        self._filling = False
        #: Who is let in by another one's end must not inherit that one's contextvars.
        self._context = copy_context()

    @classmethod
    def of(cls, config: Config, loop: asyncio.AbstractEventLoop) -> Self | None:
        """Return the gate that the settings ask for, if they do."""
        if not config.limit_concurrency:
            return None
        queue, patience = config.limit_concurrency_queue, config.limit_concurrency_timeout
        return cls(loop, config.limit_concurrency, queue, patience)

    def __repr__(self) -> str:
        return f"<Gate {self.inside} of {self._limit} inside, {self.waiting} waiting>"

    @property
    def inside(self) -> int:
        """Requests that applications are answering."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def enter(self, visitor: Visitor) -> None:
        """Let a request in, now or later, or turn it away; it is told, perhaps before this returns."""
        if len(self._inside) < self._limit and not self._waiting:
            self._inside.add(visitor)
            visitor.admitted()
        elif len(self._waiting) < self._queue:
            self._waiting[visitor] = self._loop.time() + self._patience
            self._watch()
        else:
            visitor.turned_away(f"limit_concurrency: {self.inside} are being answered, {self.waiting} wait")

    def is_waiting(self, visitor: Visitor) -> bool:
        """Tell whether a request still waits."""
        return visitor in self._waiting

    def leave(self, visitor: Visitor) -> bool:
        """Forget a request, wherever it is, and let others in; may be called repeatedly.

        Returns:
            Whether it was still waiting, and will never be let in.
        """
        was_waiting = self._waiting.pop(visitor, None) is not None
        self._inside.discard(visitor)
        self._fill()
        return was_waiting

    def _fill(self) -> None:
        """Let in as many as there is room for. Who is let in may leave at once: no recursion, then."""
        if self._filling:
            return
        self._filling = True
        try:
            while self._waiting and len(self._inside) < self._limit:
                visitor, _ = self._waiting.popitem(last=False)
                self._inside.add(visitor)
                self._context.copy().run(visitor.admitted)
        finally:
            self._filling = False
        self._watch()

    def _watch(self) -> None:
        """Look again when the first in the queue has waited for too long, whose time ends first."""
        if not self._waiting:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None and self._patience != inf:
            self._timer = self._loop.call_at(next(iter(self._waiting.values())), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._waiting and next(iter(self._waiting.values())) <= now:
            visitor, _ = self._waiting.popitem(last=False)
            visitor.turned_away("it has waited too long for limit_concurrency")
        self._watch()
