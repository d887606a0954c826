"""The groups of a broker: which processes want what is sent to them, who is a member, and who is told of it.

Knows no event loop and no clock: methods take the time as a number. Processes are named by their node.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hybrid.bridge.layers.hub import Sending

#: Notes of when memberships may end that are not cleared away however few memberships there are.
_SPARE_ENDS: Final = 1000


@dataclass(slots=True)
class Membership:
    """A channel in a group.

    Attributes:
        node: the process whose channel it is; None for a queue, which is nobody's.
        metadata: what it said of itself, encoded.
        since: when it joined, in seconds since 1970.
        until: when the membership ends.
        sending: how a queue takes what is sent to the group.
    """

    node: str | None
    metadata: bytes | None
    since: float
    until: float
    sending: Sending


class Left(NamedTuple):
    """A membership that has ended."""

    group: str
    channel: str
    membership: Membership


@dataclass(slots=True)
class _Group:
    subscribers: dict[str, None] = field(default_factory=dict[str, None])
    watchers: dict[str, None] = field(default_factory=dict[str, None])
    members: dict[str, Membership] = field(default_factory=dict[str, Membership])
    queues: dict[str, Membership] = field(
        default_factory=dict[str, Membership]
    )  # those members that are some

    @property
    def is_empty(self) -> bool:
        return not (self.subscribers or self.watchers or self.members)

    def has(self, node: str) -> bool:
        """Return whether a process is in it in any way."""
        return (
            node in self.subscribers
            or node in self.watchers
            or any(each.node == node for each in self.members.values())
        )


class Groups:
    """Who wants what of which group."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._groups_of: dict[str, set[str]] = {}  # those that a process is in, in any way
        self._count = 0  # memberships
        self._ends: list[tuple[float, str, str]] = []  # when memberships may end, the first first

    def __repr__(self) -> str:
        return f"<Groups: {len(self._groups)}, of {len(self._groups_of)} processes>"

    # Who gets messages.

    def subscribe(self, group: str, node: str) -> None:
        """Let a process have what is sent to a group."""
        self._group(group, node).subscribers[node] = None

    def unsubscribe(self, group: str, node: str) -> None:
        """End that."""
        if found := self._groups.get(group):
            found.subscribers.pop(node, None)
            self._tidy(group, found, node)

    def subscribers(self, group: str) -> list[str]:
        """Return the processes that get what is sent to a group."""
        found = self._groups.get(group)
        return [] if found is None else list(found.subscribers)

    def queues(self, group: str) -> list[tuple[str, Sending]]:
        """Return the queues that get what is sent to a group, and how they take it."""
        found = self._groups.get(group)
        return [] if found is None else [(name, each.sending) for name, each in found.queues.items()]

    # Who is told of members.

    def watch(self, group: str, node: str) -> None:
        """Let a process be told who joins and leaves."""
        self._group(group, node).watchers[node] = None

    def unwatch(self, group: str, node: str) -> None:
        """End that."""
        if found := self._groups.get(group):
            found.watchers.pop(node, None)
            self._tidy(group, found, node)

    def watchers(self, group: str) -> list[str]:
        """Return the processes that are told."""
        found = self._groups.get(group)
        return [] if found is None else list(found.watchers)

    # Members.

    def join(self, group: str, channel: str, membership: Membership) -> bool:
        """Note a member; True for a new one. One that is a member already keeps its beginning, and its
        metadata if there are no new ones.
        """
        found = self._group(group, membership.node)
        known = found.members.get(channel)
        if known is not None:
            membership.since = known.since
            if membership.metadata is None:
                membership.metadata = known.metadata
        found.members[channel] = membership
        if membership.node is None:
            found.queues[channel] = membership
        self._count += known is None
        self._note_end(membership.until, group, channel)
        return known is None

    def leave(self, group: str, channel: str) -> Left | None:
        """Forget a member, if it is one."""
        found = self._groups.get(group)
        membership = None if found is None else found.members.pop(channel, None)
        if found is None or membership is None:
            return None
        found.queues.pop(channel, None)
        self._count -= 1
        self._tidy(group, found, membership.node)
        return Left(group, channel, membership)

    def leave_all(self, node: str) -> list[Left]:
        """Forget a process; return the memberships that it had."""
        left: list[Left] = []
        for group in sorted(self._groups_of.pop(node, ())):
            found = self._groups.get(group)
            if found is None:
                continue
            found.subscribers.pop(node, None)
            found.watchers.pop(node, None)
            theirs = [channel for channel, each in found.members.items() if each.node == node]
            left += [Left(group, channel, found.members.pop(channel)) for channel in theirs]
            self._tidy(group, found)
        self._count -= len(left)
        return left

    def expire(self, now: float) -> list[Left]:
        """Forget the members whose time is over, and return them."""
        left: list[Left] = []
        while self._ends and self._ends[0][0] <= now:
            _, group, channel = heapq.heappop(self._ends)
            found = self._groups.get(group)
            membership = None if found is None else found.members.get(channel)
            if membership is not None and membership.until <= now and (gone := self.leave(group, channel)):
                left.append(gone)
        return left

    def members(self, group: str) -> dict[str, Membership]:
        """Return the members of a group, those that joined first first."""
        found = self._groups.get(group)
        return {} if found is None else found.members

    def clear(self) -> None:
        """Forget every member; who subscribes or watches goes on."""
        self._ends.clear()
        self._count = 0
        for group, found in tuple(self._groups.items()):
            found.members.clear()
            found.queues.clear()
            self._tidy(group, found)

    def all(self) -> Iterator[tuple[str, list[str], list[str], dict[str, Membership]]]:
        """Give each group: its name, subscribers, watchers and members."""
        for name, group in self._groups.items():
            yield name, list(group.subscribers), list(group.watchers), group.members

    def _group(self, group: str, node: str | None) -> _Group:
        if node is not None:
            self._groups_of.setdefault(node, set()).add(group)
        return self._groups.setdefault(group, _Group())

    def _note_end(self, until: float, group: str, channel: str) -> None:
        heapq.heappush(self._ends, (until, group, channel))
        if (
            len(self._ends) > 2 * self._count + _SPARE_ENDS
        ):  # of memberships that ended otherwise, or last longer
            self._ends = [
                (membership.until, name, member)
                for name, each in self._groups.items()
                for member, membership in each.members.items()
            ]
            heapq.heapify(self._ends)

    def _tidy(self, group: str, found: _Group, node: str | None = None) -> None:
        """Forget a group in which nobody is, and that a process was in it which is not any more."""
        if node is not None and not found.has(node):
            groups = self._groups_of.get(node, set())
            groups.discard(group)
            if not groups:
                self._groups_of.pop(node, None)
        if found.is_empty:
            self._groups.pop(group, None)
