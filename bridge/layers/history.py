"""What was sent to groups lately, numbered, for those who have been away.

Knows no event loop, no thread and no clock: methods take the time as a number, and the caller holds a lock.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

#: Groups whose history is kept. With more, the group to which nothing was sent for longest is forgotten.
MAX_GROUPS: Final = 100_000

Body = TypeVar("Body")


class Past(NamedTuple, Generic[Body]):
    """The answer to one who has been away.

    Attributes:
        entries: messages and their numbers, the oldest first.
        last: the number of the group's newest message, 0 when none is known.
        gap: whether messages are missing before the first of these.
    """

    entries: list[tuple[int, Body]]
    last: int
    gap: bool


class Kept(NamedTuple, Generic[Body]):
    """All that is kept of a group.

    Attributes:
        entries: messages and their numbers, the oldest first.
        start: the number of the first message of the group, kept or not; 0 when there is none.
        last: the number of the newest, 0 when there is none.
    """

    entries: list[tuple[int, Body]]
    start: int
    last: int


class _History(Generic[Body]):
    """The newest messages of one group, whose numbers have no holes."""

    __slots__ = ("bodies", "first", "last", "until")

    def __init__(self, first: int) -> None:
        self.first = first
        self.last = first - 1
        self.until = 0.0
        self.bodies: deque[Body] = deque()


class Histories(Generic[Body]):
    """The newest messages of groups.

    Args:
        limit: groups whose history is kept; see :data:`MAX_GROUPS`.
    """

    def __init__(self, limit: int = MAX_GROUPS) -> None:
        self._limit = limit
        self._newest = -1  # of all groups: a history that begins anew does not repeat a number
        self._histories: dict[str, _History[Body]] = {}  # the one sent to last is last

    def __repr__(self) -> str:
        return f"<Histories of {len(self._histories)} groups>"

    def __len__(self) -> int:
        return len(self._histories)

    def append(  # noqa: PLR0913 - what is kept where, how much of it, and three times
        self, group: str, body: Body, length: int, *, now: float, until: float, start: int
    ) -> int:
        """Keep a message and return its number.

        Args:
            group: to which it was sent.
            body: the message.
            length: how many messages of this group are kept, at least 1.
            now: the time, by any clock that only grows.
            until: when the group's history is to be forgotten, unless something is sent before.
            start: the number of this message if it is the first: the time in microseconds since 1970.
        """
        history = self._histories.pop(group, None)
        if history is None or history.until <= now:
            history = _History[Body](max(start, self._newest + 2))  # not the next one: that would be no gap
        history.bodies.append(body)
        while len(history.bodies) > length:
            history.bodies.popleft()
        history.last += 1
        history.until = until
        self._newest = max(self._newest, history.last)
        self._histories[group] = history
        if len(self._histories) > self._limit:
            del self._histories[next(iter(self._histories))]
        return history.last

    def last(self, group: str, now: float) -> int:
        """Return the number of the newest message of a group, 0 when none is known."""
        history = self._histories.get(group)
        return 0 if history is None or history.until <= now else history.last

    def after(self, group: str, after: int | None, now: float) -> Past[Body]:
        """Return what was sent to a group after the message of this number, see :func:`select`."""
        history = self._histories.get(group)
        if history is None or history.until <= now:
            return select([], after, whole=True)
        oldest = history.last - len(history.bodies) + 1
        return select(list(enumerate(history.bodies, oldest)), after, whole=oldest == history.first)

    def kept(self, group: str, now: float) -> Kept[Body]:
        """Return all that is kept of a group."""
        history = self._histories.get(group)
        if history is None or history.until <= now:
            return Kept([], 0, 0)
        oldest = history.last - len(history.bodies) + 1
        return Kept(list(enumerate(history.bodies, oldest)), history.first, history.last)

    def dump(self) -> Iterator[tuple[str, int, int, float, Body]]:
        """Give each message for :meth:`load`: its group, the number of the first that the group ever had, its
        own number, until when the history is kept, and the message.
        """
        for group, history in self._histories.items():
            oldest = history.last - len(history.bodies) + 1
            for number, body in enumerate(history.bodies, oldest):
                yield group, history.first, number, history.until, body

    def load(self, group: str, start: int, number: int, until: float, body: Body) -> None:
        """Keep a message that was dumped; in the order in which they were."""
        history = self._histories.setdefault(group, _History[Body](start))
        history.bodies.append(body)
        history.last = number
        history.until = until
        self._newest = max(self._newest, number)

    def sweep(self, now: float) -> None:
        """Forget what has expired; costs nothing when nothing has."""
        while self._histories:
            group = next(iter(self._histories))
            if self._histories[group].until > now:
                return
            del self._histories[group]

    def clear(self) -> None:
        """Forget everything but which numbers were given."""
        self._histories.clear()


def select(kept: Sequence[tuple[int, Body]], after: int | None, *, whole: bool) -> Past[Body]:
    """Return what somebody needs who has a group's messages up to a number.

    Args:
        kept: what is kept of the group, the oldest first, with numbers that have no holes.
        after: the number of the newest message that he has; 0 when he has none, None when he wants all. One
            that is not of this history, as it is too old or was never given, gets all, with a gap.
        whole: whether the first that is kept is the first that there was.
    """
    last = kept[-1][0] if kept else 0
    if after is None or (after == 0 and whole):
        return Past(list(kept), last, gap=False)
    if kept and kept[0][0] - 1 <= after <= last:
        return Past(list(kept[after - kept[0][0] + 1 :]), last, gap=False)
    return Past(list(kept), last, gap=True)
