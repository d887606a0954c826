"""What the channels of one process belong to and watch: said again to every new connection."""

from collections.abc import Iterator
from dataclasses import dataclass

from hybrid.bridge.layers.watched import Watched


@dataclass(slots=True)
class Membership:
    """A channel in a group.

    Attributes:
        metadata: what it said of itself, encoded; None for nothing.
        until: when it ends, in seconds of the layer's clock.
    """

    metadata: bytes | None
    until: float


class Roster:
    """Who is in which group, and who watches which; all on the layer's loop.

    Attributes:
        told: who is in the groups that are watched, as far as those know who watch.
        seen: by group, the number of the newest message that has arrived here, or was there when the first
            member came; for groups with a history.
    """

    def __init__(self) -> None:
        self.told = Watched()
        self.seen: dict[str, int] = {}
        self._groups: dict[str, dict[str, Membership]] = {}
        self._watchers: dict[str, dict[str, float]] = {}
        # The same by channel: one that ends leaves its groups, however many there are.
        self._groups_of: dict[str, set[str]] = {}
        self._watched_by: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"<Roster: {len(self._groups)} groups, {len(self._watchers)} watched>"

    # Members.

    def join(self, group: str, channel: str, metadata: bytes | None, until: float) -> None:
        """Note a member, or that it stays longer."""
        members = self._groups.setdefault(group, {})
        known = members.get(channel)
        if known is None:
            members[channel] = Membership(metadata, until)
            self._groups_of.setdefault(channel, set()).add(group)
        else:
            known.until = until
            known.metadata = known.metadata if metadata is None else metadata

    def leave(self, group: str, channel: str) -> None:
        """Forget a member, if it is one."""
        _discard(self._groups_of, channel, group)
        if _discard(self._groups, group, channel):
            self.seen.pop(group, None)

    def has(self, group: str, channel: str) -> bool:
        """Return whether a channel is a member."""
        return channel in self._groups.get(group, ())

    def count(self, group: str) -> int:
        """Return how many channels of this process are in a group."""
        return len(self._groups.get(group, ()))

    def groups_of(self, channel: str) -> list[str]:
        """Return the groups that a channel belongs to."""
        return sorted(self._groups_of.get(channel, ()))

    def watched_by(self, channel: str) -> list[str]:
        """Return the groups that a channel watches."""
        return sorted(self._watched_by.get(channel, ()))

    def groups(self) -> list[str]:
        """Return the groups that have members here."""
        return list(self._groups)

    def all(self) -> Iterator[tuple[str, str, Membership]]:
        """Give group, channel and membership of each member."""
        for group, members in self._groups.items():
            for channel, membership in members.items():
                yield group, channel, membership

    def expire(self, now: float) -> list[tuple[str, str]]:
        """Forget, and return, the members whose time is over: group and channel."""
        over = [(group, channel) for group, channel, each in self.all() if each.until <= now]
        for group, channel in over:
            self.leave(group, channel)
        return over

    # Watchers.

    def watch(self, group: str, channel: str, until: float) -> bool:
        """Note a watcher; True for the first of its group."""
        is_first = group not in self._watchers
        self._watchers.setdefault(group, {})[channel] = until
        self._watched_by.setdefault(channel, set()).add(group)
        return is_first

    def unwatch(self, group: str, channel: str) -> bool:
        """Forget a watcher; True when the group has none any more."""
        _discard(self._watched_by, channel, group)
        if not _discard(self._watchers, group, channel):
            return False
        self.told.forget(group)
        return True

    def is_watched(self, group: str) -> bool:
        """Return whether anybody watches a group."""
        return group in self._watchers

    def watched(self) -> list[str]:
        """Return the groups that are watched."""
        return list(self._watchers)

    def watchers(self, group: str, now: float) -> list[str]:
        """Return the channels that watch a group."""
        return [channel for channel, until in self._watchers.get(group, {}).items() if until > now]

    def expire_watchers(self, now: float) -> list[str]:
        """Forget the watchers whose time is over; return the groups that have none any more."""
        over = [
            (group, channel)
            for group, watchers in self._watchers.items()
            for channel, until in watchers.items()
            if until <= now
        ]
        return [group for group, channel in over if self.unwatch(group, channel)]

    def clear(self) -> None:
        """Forget everybody."""
        self.seen.clear()
        self.told = Watched()
        for book in (self._groups, self._groups_of, self._watchers, self._watched_by):
            book.clear()


def _discard(
    groups: dict[str, dict[str, Membership]] | dict[str, dict[str, float]] | dict[str, set[str]],
    group: str,
    channel: str,
) -> bool:
    """Take a channel out of a group; True when it was the last one."""
    channels = groups.get(group)
    if channels is None or channel not in channels:
        return False
    if isinstance(channels, set):
        channels.remove(channel)
    else:
        del channels[channel]
    if not channels:
        del groups[group]
        return True
    return False
