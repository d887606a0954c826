"""The hand-over from threads that publish to the event loops whose readers wait.

A thread appends without a lock, so losing the interpreter at a bad moment it can hold up nobody; a loop is
woken once for a burst of items, not once for each.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _Home:
    """An event loop on which somebody receives, and whether it has been called to collect."""

    __slots__ = ("called", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.called = False


class Backlog(Generic[Item]):
    """A bounded queue that any thread fills and the event loops known to it empty.

    Args:
        limit: items that may wait. Threads that append at the same moment may exceed it by one item each.
        collect: called on a loop's own thread some time after an item was appended; it takes items with
            :meth:`pop` and is called again, in a later turn of the loop, when it leaves some.
    """

    def __init__(self, limit: int, collect: Callable[[], None]) -> None:
        self.limit = limit
        self._collect = collect
        self._items: deque[Item] = deque()
        self._homes: tuple[_Home, ...] = ()

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<Backlog: {len(self._items)} of {self.limit} items, {len(self._homes)} loops>"

    def append(self, item: Item, here: asyncio.AbstractEventLoop | None = None) -> bool:
        """Add an item and have it collected; False when there is no room. Any thread, no lock needed.

        Args:
            item: what to hand over.
            here: the loop that runs on this thread, where the caller knows it.
        """
        if len(self._items) >= self.limit:
            return False
        self._items.append(item)
        # Append first, look at the flags second; _run does the reverse. So either a collection that is under
        # way still finds this item, or it is seen here that another one is needed.
        for home in self._homes:
            if not home.called:
                self._call(home, here)
        return True

    def pop(self) -> Item | None:
        """Return the oldest item, or None. The caller sees to it that one thread at a time pops."""
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def clear(self) -> None:
        """Forget every item."""
        self._items.clear()

    def add_home(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Let a loop collect from now on; True when it is new. One thread at a time, on the loop's thread.

        A new loop is the moment to forget those that have been closed.
        """
        for home in self._homes:
            if home.loop is loop:
                return False
        home = _Home(loop)
        self._homes = (*(other for other in self._homes if not other.loop.is_closed()), home)
        if self._items:
            self._call(home, loop)
        return True

    def _call(self, home: _Home, here: asyncio.AbstractEventLoop | None) -> None:
        home.called = True
        schedule = home.loop.call_soon if home.loop is here else home.loop.call_soon_threadsafe
        # A loop that has been closed cannot be called. What waits is collected by the next one that comes.
        with contextlib.suppress(RuntimeError):
            schedule(self._run, home)

    def _run(self, home: _Home) -> None:
        """Collect, and come back for the rest after the readers had their turn (on the home's loop)."""
        home.called = False
        self._collect()
        if self._items and not home.called:
            self._call(home, home.loop)
