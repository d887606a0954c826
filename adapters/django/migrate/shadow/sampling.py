"""A sample of a running server's requests, tried after their answers, on a thread of its own.

A server offers each request once it is answered. That costs a draw and a place in a bounded queue, and never
waits: what has no place is dropped, and counted. What tries a request may take as long as it likes.

What tries them must not run in the process of the server: guards count for a whole process, and would roll
back what the server's own requests write. An
:class:`~hybrid.adapters.django.migrate.shadow.elsewhere.Elsewhere` is made for that.
"""

import logging
import random
import threading
from collections.abc import Callable
from queue import Full, Queue
from time import monotonic
from typing import NamedTuple

from hybrid.adapters.django.migrate.shadow.exchanges import SAFE_METHODS, Request

logger = logging.getLogger("hybrid.django")


class Sampled(NamedTuple):
    """How many requests there were.

    Attributes:
        offered: of all kinds.
        chosen: of which methods and chance made one of the sample.
        dropped: of those, for which there was no place.
        tried: of those, which are done.
        failed: of those, for which what tries them raised something.
    """

    offered: int
    chosen: int
    dropped: int
    tried: int
    failed: int


class Sample:
    """Chooses requests, and has them tried.

    Args:
        attempt: tries a request (the sample's thread).
        percent: how many of a hundred are chosen, 0 to 100.
        queue: how many wait at most.
        chance: returns a number from 0 to below 1 for each request.

    Raises:
        ValueError: ``percent`` or ``queue`` is none.
    """

    def __init__(
        self,
        attempt: Callable[[Request], object],
        percent: float,
        *,
        queue: int = 16,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not 0 <= percent <= 100:
            raise ValueError(f"a sample has 0 to 100 percent of the requests, not {percent}")
        if queue < 1:
            raise ValueError(f"a sample needs room for at least one request, not {queue}")
        self._attempt = attempt
        self._share = percent / 100
        self._chance = chance
        self._waiting: Queue[Request | None] = Queue(queue)  # None ends the thread
        self._lock = threading.Lock()  # guards the counts and the start of the thread
        self._offered = self._chosen = self._dropped = self._tried = self._failed = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Sample {self._share:.2%} {self.counts}>"

    @property
    def counts(self) -> Sampled:
        """How many there were so far (any thread)."""
        with self._lock:
            return Sampled(self._offered, self._chosen, self._dropped, self._tried, self._failed)

    def offer(self, request: Request) -> bool:
        """Take a request that has been answered, or not; return whether it will be tried (any thread).

        Never waits for what is tried. None with a body is taken, nor one of a method that changes something.
        """
        is_chosen = request.method in SAFE_METHODS and not request.body and self._chance() < self._share
        with self._lock:
            self._offered += 1
            if not is_chosen or self._closed:
                return False
            self._chosen += 1
            try:
                self._waiting.put_nowait(request)
            except Full:
                self._dropped += 1
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="shadow-sample", daemon=True)
                self._thread.start()
            return True

    @property
    def is_full(self) -> bool:
        """Whether what is offered now would be dropped, most likely (any thread)."""
        return self._waiting.full()

    def drop(self) -> None:
        """Count a request that is not even offered, as there is no place for it (any thread)."""
        with self._lock:
            self._offered += 1
            self._chosen += 1
            self._dropped += 1

    def close(self, timeout: float = 5.0) -> bool:
        """Take no more, drop what waits, and wait for what is tried; whether that has ended (worker)."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is None:
            return True
        until = monotonic() + timeout
        self._forget()
        self._waiting.put(None)
        thread.join(max(0.0, until - monotonic()))
        return not thread.is_alive()

    def _forget(self) -> None:
        """Make room: what waits counts as dropped."""
        with self._lock:
            self._dropped += len(self._waiting.queue)
            with self._waiting.mutex:
                self._waiting.queue.clear()

    def _work(self) -> None:
        while (request := self._waiting.get()) is not None:
            failed = False
            try:
                self._attempt(request)
            except Exception:
                failed = True
                logger.exception("%s %s: the sample could not be tried", request.method, request.target)
            with self._lock:
                self._tried += 1
                self._failed += failed
