"""Whose turn it is to send, among the streams of one connection (RFC 9218 section 10)."""

from bisect import bisect_left, insort
from collections import OrderedDict
from typing import Generic, TypeVar

from hybrid.server.wire.http2.priority import LEAST_URGENT, Priority

T = TypeVar("T")


class SendQueue(Generic[T]):
    """The streams that have something to send, and may: which of them sends the next part.

    The most urgent come first, and less urgent ones wait until those have nothing to send: a client that
    keeps urgent responses coming starves its own others, as section 10 wants it. Among streams of the same
    urgency

    - those that are not incremental are sent one after the other, in the order of their requests: the client
      can use each as soon as possible;
    - incremental ones take turns, a part each;
    - where there are both, the first of those that are not incremental takes turns with all incremental ones:
      a long download does not hold up an event stream.

    A stream that cannot send now, because it has no data or its window is closed, does not belong here: it is
    discarded, and added again when it can. Those that are not incremental have their place by their numbers,
    so this costs them nothing.

    Every operation takes a time that hardly depends on how many there are. The number of streams bounds the
    queue. For items that can be keys of a dict.
    """

    def __init__(self) -> None:
        self._places: dict[T, tuple[int, Priority]] = {}
        self._items: dict[int, T] = {}
        self._levels = tuple(_Level() for _ in range(LEAST_URGENT + 1))
        self._urgencies = 0  # a bit for each level that is not empty, the lowest for the most urgent

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"<SendQueue {len(self)} waiting>"

    def add(self, item: T, stream: int, priority: Priority) -> None:
        """Let an item take part; one that does already keeps its place and priority.

        Args:
            item: the stream, as the caller knows it.
            stream: its number, which no other item has.
            priority: how it is to be sent.
        """
        if item in self._places:
            return
        self._places[item] = stream, priority
        self._items[stream] = item
        self._levels[priority.urgency].add(stream, incremental=priority.incremental)
        self._urgencies |= 1 << priority.urgency

    def discard(self, item: T) -> None:
        """Leave an item out; one that is not here is left out already."""
        place = self._places.pop(item, None)
        if place is None:
            return
        stream, priority = place
        del self._items[stream]
        level = self._levels[priority.urgency]
        level.remove(stream, incremental=priority.incremental)
        if level.empty:
            self._urgencies &= ~(1 << priority.urgency)

    def change(self, item: T, priority: Priority) -> None:
        """Give an item another priority; of one that is not here, ``add`` says it."""
        place = self._places.get(item)
        if place is not None and place[1] != priority:
            self.discard(item)
            self.add(item, place[0], priority)

    def next(self) -> T | None:
        """Return the item that sends a part now; None when nobody has anything to send.

        The turn is over when this is called again: an incremental item is then behind its peers, another one
        has the turn again until it is discarded.
        """
        if not self._urgencies:
            return None
        most_urgent = (self._urgencies & -self._urgencies).bit_length() - 1
        return self._items[self._levels[most_urgent].next()]


class _Level:
    """Streams of the same urgency, by their numbers."""

    __slots__ = ("_one_by_one", "_share", "_shared")

    def __init__(self) -> None:
        # Sorted: to move the numbers of 1,000 streams in memory takes less than a heap's comparisons.
        self._one_by_one: list[int] = []
        # In the order of their turns. A dict would look for its first among the many that have moved.
        self._shared: OrderedDict[int, None] = OrderedDict()
        self._share = False  # whether the next turn belongs to an incremental one, if there are both kinds

    @property
    def empty(self) -> bool:
        return not (self._one_by_one or self._shared)

    def add(self, stream: int, *, incremental: bool) -> None:
        if incremental:
            self._shared[stream] = None
        else:
            insort(self._one_by_one, stream)

    def remove(self, stream: int, *, incremental: bool) -> None:
        if incremental:
            del self._shared[stream]
        else:
            del self._one_by_one[bisect_left(self._one_by_one, stream)]

    def next(self) -> int:
        """Return whose turn it is; the level is not empty."""
        share, self._share = self._share, not self._share
        if self._one_by_one and not (share and self._shared):
            return self._one_by_one[0]
        stream = next(iter(self._shared))
        self._shared.move_to_end(stream)
        return stream
