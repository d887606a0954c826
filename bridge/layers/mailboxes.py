"""Which messages wait in which channel of a layer in memory, and what is lost there.

Knows no event loop, no thread and no clock: methods take the time as a number, and the caller holds a lock.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

#: The time at which a message was sent, the message, and the group that it was sent to, if it was one.
Letter = tuple[float, dict[str, Any], str | None]


class Mailboxes:
    """Channels with their waiting messages.

    A channel is in the books only while messages wait in it, so one that nobody uses any more costs nothing.

    Args:
        expiry: seconds for which a message may wait.
        capacity_of: how many messages may wait in a channel of that name.

    Attributes:
        full: messages that were lost for want of room, until :meth:`settle` is called.
        expired: those that nobody read in time, likewise.
        example: the channel of the last one.
    """

    def __init__(self, expiry: float, capacity_of: Callable[[str], int]) -> None:
        self.full = 0
        self.expired = 0
        self.example = ""
        self._expiry = expiry
        self._capacity_of = capacity_of
        self._channels: dict[str, deque[Letter]] = {}

    def __repr__(self) -> str:
        return f"<Mailboxes: messages wait in {len(self._channels)} channels>"

    def put(self, channel: str, letter: Letter, now: float, more: int = 0) -> bool:
        """Let a message wait in a channel; False when there is no room for it, which is not counted here.

        Args:
            channel: its name.
            letter: the message.
            now: the time.
            more: how many messages may wait there beyond its capacity.
        """
        letters = self._channels.get(channel)
        if letters is None:
            self._channels[channel] = deque((letter,))
            return True
        capacity = self._capacity_of(channel) + more
        if len(letters) >= capacity:
            self._forget_expired(channel, letters, now)
        if len(letters) >= capacity:
            return False
        letters.append(letter)
        return True

    def put_for_oldest(self, channel: str, letter: Letter) -> None:
        """Let a message wait in a channel that is full in place of the oldest, which is counted."""
        letters = self._channels[channel]
        letters.popleft()
        letters.append(letter)
        self.lose(channel)

    def take(self, channel: str, now: float) -> dict[str, Any] | None:
        """Return the oldest message that waits in a channel and has not expired."""
        letters = self._channels.get(channel)
        if letters is None:
            return None
        self._forget_expired(channel, letters, now)
        message = letters.popleft()[1] if letters else None
        if not letters:
            self._channels.pop(channel, None)
        return message

    def take_out(self, channel: str, group: str) -> None:
        """Forget what waits in a channel and was sent to a group, for a reader who gets it another way."""
        letters = self._channels.get(channel)
        if letters is not None:
            left = deque(letter for letter in letters if letter[2] != group)
            if left:
                self._channels[channel] = left
            else:
                self._channels.pop(channel, None)

    def drop(self, channel: str) -> None:
        """Forget what waits in a channel that has no reader any more, without counting it."""
        self._channels.pop(channel, None)

    def lose(self, channel: str, number: int = 1) -> None:
        """Count messages for which a channel, or the queue before all channels, had no room."""
        self.full += number
        self.example = channel

    def expire(self, channel: str, number: int) -> None:
        """Count messages that came too late to wait at all."""
        self.expired += number
        self.example = channel

    def settle(self) -> tuple[int, int, str]:
        """Return :attr:`full`, :attr:`expired` and :attr:`example`, and begin to count anew."""
        counted = self.full, self.expired, self.example
        self.full, self.expired = 0, 0
        return counted

    def clear(self) -> None:
        """Forget every message."""
        self._channels.clear()

    def sweep(self, now: float) -> None:
        """Forget what has expired where nobody looks any more."""
        for channel, letters in tuple(self._channels.items()):
            self._forget_expired(channel, letters, now)
            if not letters:
                self._channels.pop(channel, None)

    def is_late(self, letter: Letter, now: float) -> bool:
        """Return whether a message has expired."""
        return letter[0] + self._expiry <= now

    def _forget_expired(self, channel: str, letters: deque[Letter], now: float) -> None:
        while letters and letters[0][0] + self._expiry <= now:
            letters.popleft()
            self.expired += 1
            self.example = channel
