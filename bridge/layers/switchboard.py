"""What happens when with the messages of a channel layer in memory: on which thread, and under which lock."""

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Any, Final

from hybrid.bridge.layers.backlog import Backlog
from hybrid.bridge.layers.books import Books
from hybrid.bridge.layers.losses import Losses
from hybrid.bridge.layers.mailboxes import Letter
from hybrid.bridge.layers.waiters import Waiter, wake

_NOBODY: Final[list[Waiter]] = []


class Switchboard:
    """Takes messages over from threads, delivers them on event loops, and holds the lock of the books.

    What is decided under the lock is done after letting it go. Every method may be called on any thread.

    Args:
        books: what the lock guards.
        losses: where what is lost is counted.
        backlog: messages that may wait for an event loop to deliver them.
        per_turn: messages that one turn of a loop delivers.
        clock: seconds that only ever grow.
    """

    def __init__(
        self, books: Books, losses: Losses, backlog: int, per_turn: int, clock: Callable[[], float]
    ) -> None:
        self.clock = clock
        # Re-entrant: a signal handler, or a coroutine that the garbage collector finishes, may call the
        # layer on a thread that is inside it at that moment.
        self._lock = threading.RLock()
        self._books = books
        self._losses = losses
        # A message for a group, whose name is in the letter, or for the channel of this name.
        self._backlog: Backlog[tuple[str, Letter]] = Backlog(backlog, self._collect)
        self._per_turn = per_turn
        self._home: asyncio.AbstractEventLoop | None = None  # where somebody has received last

    def __repr__(self) -> str:
        return repr(self._backlog)

    # Without the lock, unless the backlog is full.

    def hand_over(
        self,
        name: str,
        message: dict[str, Any],
        group: str | None,
        here: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Have a message delivered to a channel, or to the members of a group; without waiting.

        Args:
            name: of the channel, or of the group.
            message: a copy that is nobody else's.
            group: its name, if it is one.
            here: the loop that runs on this thread, where the caller knows it.
        """
        now = self.clock()
        if self._backlog.append((name, (now, message, group)), here):
            return
        lost = 1
        if group is not None:
            with self._lock:
                lost = max(len(self._books.members.channels(group, now)), 1)
        self._losses.count("full", lost, example=f"{'channel' if group is None else 'group'} {name}")

    # Takes the lock.

    def _collect(self) -> None:
        """Deliver a part of the backlog (on an event loop, which comes back for the rest)."""
        with self._lock:
            self._deliver(self._per_turn, self.clock())
            woken = self._take_woken()
        self._finish(woken)

    @contextlib.contextmanager
    def looking(self) -> Generator[float]:
        """Hold the lock; give the time."""
        with self._lock:
            yield self.clock()

    @contextlib.contextmanager
    def changing(self) -> Generator[float]:
        """Hold the lock for a change, with all delivered that came before it; give the time."""
        woken: list[Waiter] = []
        try:
            with self._lock:
                now = self.clock()
                self._deliver(len(self._backlog), now)
                try:
                    yield now
                finally:
                    woken = self._take_woken()
        finally:
            self._finish(woken)

    def take_or_wait(self, channel: str, loop: asyncio.AbstractEventLoop) -> dict[str, Any] | Waiter:
        """Return the next message of a channel, or what is woken when there is one (on the reader's loop)."""
        books = self._books
        with self._lock:
            now = self.clock()
            if loop is not self._home:
                # Before the backlog is looked at: what a thread appends after that look calls this loop.
                self.settle_on(loop)
            message = books.take(channel, now)
            if message is None and self._backlog:
                self._deliver(self._per_turn, now)
                message = books.take(channel, now)
            found: dict[str, Any] | Waiter
            if message is None:
                found = waiter = loop.create_future()
                books.waiters.add(channel, waiter)
            else:
                found = message
            woken = self._take_woken()
        self._finish(woken)
        return found

    def stop_waiting(self, channel: str, waiter: Waiter) -> None:
        """Forget a reader that has been cancelled."""
        with self._lock:
            self._books.waiters.remove(channel, waiter)

    def sweep(self) -> float:
        """Forget what has expired, and return in how many seconds to come back. Any thread.

        While there is a reader, its event loop calls this when it is time to.
        """
        with self.changing() as now:
            return max(self._books.sweep_at - now, 0.0) or self._books.pause

    # The lock is held.

    def settle_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let a loop deliver from now on, and look for what has expired (on the loop)."""
        self._home = loop
        if self._backlog.add_home(loop):
            self._books.waiters.forget_closed_loops()
            _sweep_after(self._books.pause, weakref.ref(self), loop)

    def _deliver(self, limit: int, now: float) -> None:
        """Move up to `limit` messages from the backlog into the channels that they are for."""
        for _ in range(limit):
            item = self._backlog.pop()
            if item is None:
                break
            self._books.deliver(*item, now)
        # Not before: what is still to be delivered goes to those who were members when it was sent.
        if not self._backlog:
            self._books.expire(now)

    def clear(self) -> None:
        """Forget what has not been delivered."""
        self._backlog.clear()

    def _take_woken(self) -> list[Waiter]:
        """Return who is to be woken when the lock has been let go."""
        books = self._books
        if not books.woken:
            return _NOBODY
        woken, books.woken = books.woken, []
        return woken

    # Without the lock.

    def _finish(self, woken: list[Waiter]) -> None:
        """Do what is to be done when the lock has been let go."""
        if woken:
            wake(woken)
        boxes, alarms = self._books.boxes, self._books.alarms
        if boxes.full or boxes.expired:
            with self._lock:
                full, expired, example = boxes.settle()
            self._losses.count("full", full, example=f"channel {example}")
            self._losses.count("expired", expired, example=f"channel {example}")
        if alarms.pending:
            alarms.sound()


def _sweep_after(seconds: float, board: weakref.ref[Switchboard], loop: asyncio.AbstractEventLoop) -> None:
    """Have what has expired forgotten though nothing is sent, again and again (on the loop).

    A closed loop drops the call, and a layer that nobody has any more is not kept by it.
    """

    def sweep() -> None:
        alive = board()
        if alive is not None:
            _sweep_after(alive.sweep(), board, loop)

    loop.call_later(seconds, sweep)
