"""All that a channel layer in memory knows, and what a message or a change makes of it; a lock guards it.

What follows from it and is not to be done under a lock is gathered: waiters to wake, alarms to sound, losses
to count. Knows no clock: methods take the time as a number.
"""

import time
from typing import Any, Final

from hybrid.bridge.layers.alarms import Alarms
from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.history import Histories
from hybrid.bridge.layers.mailboxes import Letter, Mailboxes
from hybrid.bridge.layers.members import Event, Memberships, watchers_of
from hybrid.bridge.layers.waiters import Waiter, Waiters

#: Of the seconds between two searches for what has expired: how soon there may be another one, for a
#: membership that ends before.
_SOONER: Final = 1 / 20


class Books:
    """Which messages wait where, who is in which group, what was sent to groups, and who is to be told.

    Args:
        rules: the layer whose capacities, expiries, histories and policy these are.
        surplus: messages that may wait beyond the capacity in the channel of a reader that had read
            everything, and has had no turn since.

    Attributes:
        boxes, members, histories, waiters, alarms: the books.
        woken: readers that are to be woken when the lock has been let go.
        pause: seconds between two searches for what has expired.
        sweep_at: when the next one is due.
        keeps_history: whether there are groups that have one.
        sent: messages to channels and groups that were delivered.
        delivered: for how many channels these were, together.
    """

    def __init__(self, rules: BaseChannelLayer, surplus: int) -> None:
        self.boxes = Mailboxes(rules.expiry, rules.get_capacity)
        self.members = Memberships()
        self.histories: Histories[dict[str, Any]] = Histories()
        self.waiters = Waiters()
        self.alarms = Alarms()
        self.woken: list[Waiter] = []
        self.pause = min(rules.expiry, rules.group_expiry)
        self.sweep_at = 0.0
        self.keeps_history = rules.keeps_history
        self.sent = self.delivered = 0
        self._deaf: set[str] = set()  # channels that nobody reads, and that are to be closed
        self._rules = rules
        self._surplus = surplus

    def __repr__(self) -> str:
        return f"{self.boxes!r}, {self.members!r}, {self.histories!r}, {len(self.waiters)} channels waited on"

    # Messages.

    def deliver(self, name: str, letter: Letter, now: float) -> None:
        """Let a message wait with those it is for: who was a member of the group when it was sent, if it was
        sent to one, or the channel of this name.
        """
        group = letter[2]
        if group is None:
            channels = [name]
        else:
            if self.keeps_history:
                self._remember(group, letter[1], now)
            channels = self.members.channels(group, letter[0])
        self.sent += 1
        self.delivered += len(channels)
        if self.boxes.is_late(letter, now):
            self.boxes.expire(name, len(channels))
        else:
            self._put_all(channels, letter, now)

    def put(self, channel: str, letter: Letter, now: float) -> bool:
        """Let a message wait in a channel; False when there is no room, which nobody has counted yet.

        Whatever changes groups has all delivered that came before it, which may be more than a channel holds:
        a reader that had read everything is no slow one, and may have that, too, when its turn comes.
        """
        if channel in self._deaf:
            return True
        if self.boxes.put(channel, letter, now):
            self.waiters.wake(channel, self.woken)
            return True
        if self.waiters.is_woken(channel) and self.boxes.put(channel, letter, now, self._surplus):
            return True
        if self._rules.overflow == "drop_oldest":
            self.boxes.put_for_oldest(channel, letter)
            return True
        if self._rules.overflow == "close":
            self.alarms.overflow(channel)
        return False

    def take(self, channel: str, now: float) -> dict[str, Any] | None:
        """Return the next message of a channel, for a reader of it."""
        self.waiters.looked(channel)
        message = self.boxes.take(channel, now)
        if message is not None:
            self.alarms.read(channel)
        return message

    def _put_all(self, channels: list[str], letter: Letter, now: float) -> None:
        """Let a message wait in channels, and count those that have no room."""
        for channel in channels:
            if not self.put(channel, letter, now):
                self.boxes.lose(channel)

    def _remember(self, group: str, message: dict[str, Any], now: float) -> None:
        """Give a message its number, and keep it, if there is a history of the group."""
        length = self._rules.get_history(group)
        if length > 0:
            until = now + self._rules.history_expiry
            start = time.time_ns() // 1000
            message["sequence"] = self.histories.append(
                group, message, length, now=now, until=until, start=start
            )

    # Groups.

    def join(self, group: str, channel: str, metadata: dict[str, Any] | None, now: float) -> None:
        """Make a channel a member of a group, and tell those who watch it."""
        until = now + self._rules.group_expiry
        events = self.members.join(group, channel, metadata, now=now, until=until, since=time.time())
        self.announce(events, now)

    def announce(self, events: list[Event], now: float) -> None:
        """Tell those who watch groups what has changed."""
        for event in events:
            watchers = watchers_of(event["group"])
            self._put_all(self.members.channels(watchers, now), (now, event, watchers), now)

    def deafen(self, channel: str) -> None:
        """Let nothing wait in a channel any more, nor be told of others; it is closed later."""
        self._deaf.add(channel)
        self.boxes.drop(channel)
        self.members.stop_watching(channel)

    def close(self, channel: str, now: float) -> None:
        """End a channel for good."""
        self._deaf.discard(channel)
        self.alarms.listen(channel, None)
        self.waiters.forget(channel)
        self.boxes.drop(channel)
        self.announce(self.members.close(channel), now)

    # Time.

    def expire(self, now: float) -> None:
        """Forget what has expired where nobody looks any more; costs nothing unless it is time to."""
        if now >= self.sweep_at:
            self.boxes.sweep(now)
            self.histories.sweep(now)
            self.announce(self.members.expire(now), now)
            self.sweep_at = now + max(self.pause * _SOONER, min(self.pause, self.members.next_end - now))

    def clear(self) -> None:
        """Forget everything but who waits."""
        self.boxes.clear()
        self.members.clear()
        self.histories.clear()
