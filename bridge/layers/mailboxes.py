"""The books of a channel layer in memory: which messages wait where, and who belongs to which group.

Knows no event loop, no thread and no clock: methods take the time as a number, and the caller holds a lock.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

#: The time at which a message was sent, and the message.
Letter = tuple[float, dict[str, Any]]


class Mailboxes:
    """Channels with their waiting messages, and groups with their members.

    A channel is in the books only while messages wait in it, so one that nobody uses any more costs nothing.

    Args:
        expiry: seconds for which a message may wait, and between searches for what nobody came back for.
        group_expiry: seconds for which a membership lasts unless it is renewed.
        capacity_of: how many messages may wait in a channel of that name.
    """

    def __init__(self, expiry: float, group_expiry: float, capacity_of: Callable[[str], int]) -> None:
        self.expired = 0
        self.dropped = 0
        self._expiry = expiry
        self._group_expiry = group_expiry
        self._sweep_at = 0.0
        self._capacity_of = capacity_of
        self._channels: dict[str, deque[Letter]] = {}
        self._groups: dict[str, dict[str, float]] = {}

    def __repr__(self) -> str:
        return f"<Mailboxes: messages wait in {len(self._channels)} channels, {len(self._groups)} groups>"

    def put(self, channel: str, letter: Letter, now: float) -> bool:
        """Let a message wait in a channel; False when there is no room for it."""
        letters = self._channels.get(channel)
        if letters is None:
            self._channels[channel] = deque((letter,))
            return True
        capacity = self._capacity_of(channel)
        if len(letters) >= capacity:
            self._forget_expired(letters, now)
        if len(letters) >= capacity:
            return False
        letters.append(letter)
        return True

    def put_all(self, group: str, letter: Letter, now: float) -> list[str]:
        """Let a message wait with all who were members when it was sent; return those that had room."""
        members = self.members(group, letter[0])
        if letter[0] + self._expiry <= now:
            self.expired += len(members)
            return []
        reached = [channel for channel in members if self.put(channel, letter, now)]
        self.dropped += len(members) - len(reached)
        return reached

    def take(self, channel: str, now: float) -> dict[str, Any] | None:
        """Return the oldest message that waits in a channel and has not expired."""
        letters = self._channels.get(channel)
        if letters is None:
            return None
        self._forget_expired(letters, now)
        message = letters.popleft()[1] if letters else None
        if not letters:
            self._channels.pop(channel, None)
        return message

    def join(self, group: str, channel: str, now: float) -> None:
        """Make a channel a member of a group, or renew its membership."""
        self._groups.setdefault(group, {})[channel] = now + self._group_expiry

    def leave(self, group: str, channel: str) -> None:
        """End a membership, if there is one."""
        members = self._groups.get(group)
        if members is not None:
            members.pop(channel, None)
            if not members:
                self._groups.pop(group, None)

    def has_members(self, group: str) -> bool:
        """Return whether channels belong, or lately belonged, to a group. Needs no lock."""
        return group in self._groups

    def members(self, group: str, now: float) -> list[str]:
        """Return the channels that belong to a group."""
        # A copy: the garbage collector may finish a coroutine right here, whose last act is to leave a group.
        return [channel for channel, until in self._groups.get(group, {}).copy().items() if until > now]

    def clear(self) -> None:
        """Forget every message and every membership."""
        self._channels.clear()
        self._groups.clear()

    def sweep(self, now: float) -> None:
        """Forget what has expired where nobody looks any more; costs nothing unless it is time to."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + self._expiry
        for channel, letters in tuple(self._channels.items()):
            self._forget_expired(letters, now)
            if not letters:
                self._channels.pop(channel, None)
        for group, members in tuple(self._groups.items()):
            for channel in [channel for channel, until in members.copy().items() if until <= now]:
                self.leave(group, channel)

    def _forget_expired(self, letters: deque[Letter], now: float) -> None:
        while letters and letters[0][0] + self._expiry <= now:
            letters.popleft()
            self.expired += 1
