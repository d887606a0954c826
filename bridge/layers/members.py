"""Who belongs to which group, with what they said of themselves, until when, and who is told of it.

Knows no event loop, no thread and no clock: methods take the time as a number, and the caller holds a lock.
"""

import math
from typing import Any, Final

from hybrid.bridge.layers.presence import Member

#: Channels that were closed and are remembered, so that what still runs for them brings none back. The oldest
#: are forgotten; one that joins a group after that belongs to it until the membership expires.
_MAX_CLOSED: Final = 16384


class _Membership:
    """One channel in one group."""

    __slots__ = ("metadata", "since", "until")

    def __init__(self, until: float, since: float, metadata: dict[str, Any]) -> None:
        self.until = until
        self.since = since
        self.metadata = metadata


#: A message for those who watch a group: its ``type``, the ``group``, the ``channel`` and its ``metadata``.
Event = dict[str, Any]


def watchers_of(group: str) -> str:
    """Return the name of the group of those who watch a group, which is a name that no user's group has."""
    return group + "!"


class Memberships:
    """Groups with their members. Those who watch a group are members of one beside it.

    What changes a group that is watched returns the messages for its watchers; it is for the caller to send
    them, in this order.

    Attributes:
        next_end: when the next membership ends, or earlier; :meth:`expire` finds it.
    """

    def __init__(self) -> None:
        self.next_end = math.inf
        self._groups: dict[str, dict[str, _Membership]] = {}
        self._groups_of: dict[str, set[str]] = {}  # the groups of a channel, so that it can leave them all
        self._closed: dict[str, None] = {}  # a set that knows which came first

    def __repr__(self) -> str:
        return f"<Memberships: {len(self._groups)} groups>"

    def __contains__(self, group: str) -> bool:
        """Return whether channels belong, or lately belonged, to a group. Needs no lock."""
        return group in self._groups

    def __bool__(self) -> bool:
        return bool(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def join(  # noqa: PLR0913 - who, where, what of it and three times
        self,
        group: str,
        channel: str,
        metadata: dict[str, Any] | None,
        *,
        now: float,
        until: float,
        since: float,
    ) -> list[Event]:
        """Make a channel a member of a group, or let it be one for longer; one that is closed stays out.

        Args:
            group: its name.
            channel: who joins.
            metadata: what it says of itself; None leaves what it said before.
            now: the time.
            until: when the membership ends.
            since: what :meth:`members` is to say for its beginning.
        """
        if channel in self._closed:
            return []
        self.next_end = min(self.next_end, until)
        member = self._groups.get(group, {}).get(channel)
        events: list[Event] = []
        if member is not None and member.until <= now:
            events = self.leave(group, channel)
            member = None
        if member is not None:
            member.until = until
            if metadata is not None:
                member.metadata = metadata
            return events
        member = _Membership(until, since, {} if metadata is None else metadata)
        # In one go: the garbage collector may finish a coroutine, whose last act may forget an empty group.
        self._groups.setdefault(group, {})[channel] = member
        self._groups_of.setdefault(channel, set()).add(group)
        return events + self._events("group.join", group, channel, member)

    def leave(self, group: str, channel: str) -> list[Event]:
        """End a membership, if there is one."""
        members = self._groups.get(group)
        member = None if members is None else members.pop(channel, None)
        if members is None or member is None:
            return []
        if not members:
            self._groups.pop(group, None)
        groups = self._groups_of.get(channel)
        if groups is not None:
            groups.discard(group)
            if not groups:
                self._groups_of.pop(channel, None)
        return self._events("group.leave", group, channel, member)

    def close(self, channel: str) -> list[Event]:
        """End all memberships of a channel for good, and what it watches, of which it is told no more."""
        self._closed[channel] = None
        if len(self._closed) > _MAX_CLOSED:
            del self._closed[next(iter(self._closed))]
        self.stop_watching(channel)
        groups = sorted(self._groups_of.get(channel, ()))
        return [event for group in groups for event in self.leave(group, channel)]

    def stop_watching(self, channel: str) -> None:
        """Tell a channel of no group any more."""
        for group in tuple(self._groups_of.get(channel, ())):
            if group.endswith("!"):
                self.leave(group, channel)

    def is_closed(self, channel: str) -> bool:
        """Return whether a channel has been closed lately."""
        return channel in self._closed

    def channels(self, group: str, now: float) -> list[str]:
        """Return the channels that belong to a group."""
        # A copy: the garbage collector may finish a coroutine right here, whose last act is to leave a group.
        members = self._groups.get(group, {}).copy()
        return [channel for channel, member in members.items() if member.until > now]

    def members(self, group: str, now: float) -> list[Member]:
        """Return the members of a group, those that joined first first; their metadata are not copied."""
        return [
            Member(channel, member.metadata, member.since)
            for channel, member in self._groups.get(group, {}).copy().items()
            if member.until > now
        ]

    def count(self) -> tuple[int, int]:
        """Return how many groups there are, without those who watch them, and how many memberships."""
        sizes = [len(members) for group, members in self._groups.copy().items() if not group.endswith("!")]
        return len(sizes), sum(sizes)

    def expire(self, now: float) -> list[Event]:
        """End the memberships whose time is over, and find :attr:`next_end`."""
        over: list[tuple[float, str, str]] = []
        self.next_end = math.inf
        for group, members in tuple(self._groups.items()):
            for channel, member in members.copy().items():
                if member.until <= now:
                    over.append((member.until, group, channel))
                else:
                    self.next_end = min(self.next_end, member.until)
        # Who watches no longer is not told, and what ended first is said first.
        over.sort(key=lambda item: (not item[1].endswith("!"), item[0]))
        return [event for _, group, channel in over for event in self.leave(group, channel)]

    def clear(self) -> None:
        """Forget every group, and tell nobody."""
        self._groups.clear()
        self._groups_of.clear()

    def _events(self, kind: str, group: str, channel: str, member: _Membership) -> list[Event]:
        if watchers_of(group) not in self._groups:
            return []
        return [{"type": kind, "group": group, "channel": channel, "metadata": member.metadata}]
