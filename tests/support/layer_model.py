"""What every channel layer must do, as a model to compare it with, whatever carries its messages.

A layer is tested with it by a few lines: :func:`cases` makes the tests of what makes an :class:`Adapter`.
Every rule calls a method of the layer and does the same to lists and dicts; then the two are compared.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar
from unittest import TestCase

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers.base import OVERFLOWS, BaseChannelLayer, Overflow

EXPIRY = 10
GROUP_EXPIRY = 30
CAPACITY = 3
HISTORY = 4
HISTORY_EXPIRY = 45
#: The channel that watches, which has room for all that it is told.
ROOMY = "roomy"

Result = TypeVar("Result")


class Adapter(Protocol):
    """What the model needs beside the layer.

    Attributes:
        timed: whether :meth:`wait` can let time pass. Where it cannot, nothing expires in the model.
    """

    timed: bool

    @property
    def layer(self) -> BaseChannelLayer:
        """The layer, with the options that :attr:`LayerMachine.adapter` is given."""
        ...

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the layer's event loop, always the same one, and return its result."""
        ...

    def settle(self) -> None:
        """Return when all that was sent waits in its channels, callbacks have run, and what has expired by
        now has been noticed.
        """
        ...

    def wait(self, seconds: int) -> None:
        """Let time pass for the layer, without waiting."""
        ...

    def close(self) -> None:
        """Close the layer and the loop."""
        ...


@dataclass
class Channel:
    """What waits in a channel: when it was sent, the number, and the group that it was sent to."""

    name: str
    waiting: list[tuple[float, int, str | None]] = field(default_factory=list[Any])
    told: int = 0  # how often its reader was told that it was full
    told_really: int = 0
    overflowing: bool = False


@dataclass
class Membership:
    """A membership of the model."""

    until: float
    metadata: dict[str, Any]


class LayerMachine(RuleBasedStateMachine):
    """Calls methods of a layer in any order, as time passes, and compares.

    Attributes:
        overflow: the policy of the layer.
        adapter: makes a new, empty layer with options.
    """

    overflow: Overflow
    adapter: Callable[[dict[str, Any]], Adapter]

    @initialize()
    def begin(self) -> None:
        """Make a layer, two groups, the second with a history, and three channels that are in both."""
        options = {
            "expiry": EXPIRY,
            "group_expiry": GROUP_EXPIRY,
            "capacity": CAPACITY,
            "channel_capacity": {f"{ROOMY}*": 1000},
            "overflow": self.overflow,
            "history": {"h": HISTORY},
            "history_expiry": HISTORY_EXPIRY,
        }
        self.real = self.adapter(options)
        self.layer = self.real.layer
        self.now = 0.0
        self.number = 0
        self.lost = {"full": 0, "expired": 0, "disconnected": 0}
        self.groups: dict[str, dict[int, Membership]] = {"g": {}, "h": {}}
        self.watched: dict[str, float] = {}  # until when
        self.history: list[int] = []
        self.history_until = 0.0
        self.trimmed = False
        self.sequences: dict[int, int] = {}  # of messages that were seen, by number
        # What the watcher is to be told, in batches; of those that say True the order within is open.
        self.events: list[tuple[list[tuple[str, str, str, str]], bool]] = []
        self.channels = [self.new_channel("c") for _ in range(3)]
        self.watcher = self.new_channel(ROOMY)
        for group in self.groups:  # or most would be sent to nobody
            for position in range(len(self.channels)):
                self.join(group, position, None)
            self.watch(group)

    def teardown(self) -> None:
        """End."""
        if hasattr(self, "real"):
            self.real.close()

    # Rules: each does something to both.

    groups_of = st.sampled_from(["g", "h"])
    positions = st.integers(0, 2)

    @rule(group=groups_of, position=positions, name=st.sampled_from([None, "Ann", "Bob"]))
    def join(self, group: str, position: int, name: str | None) -> None:
        """Make a channel a member, or let it be one for longer."""
        metadata = None if name is None else {"name": name, "tags": [1]}
        self.real.run(self.layer.group_add(group, self.channels[position].name, metadata))
        self.expect_member(group, position, metadata)

    @rule(group=groups_of, position=positions)
    def leave(self, group: str, position: int) -> None:
        """End a membership."""
        self.real.run(self.layer.group_discard(group, self.channels[position].name))
        self.expect_no_member(group, position)

    @rule(position=positions)
    def send(self, position: int) -> None:
        """Send to a channel, which may refuse."""
        message = self.new_message()
        channel = self.channels[position]
        expected = self.expect(channel, None)
        try:
            self.real.run(self.layer.send(channel.name, message))
        except ChannelFull:
            assert not expected
        else:
            assert expected

    @rule(position=positions, count=st.integers(1, 2))
    def post(self, position: int, count: int) -> None:
        """Send to a channel from another thread; what has no room is counted."""
        for _ in range(count):
            message = self.new_message()
            channel = self.channels[position]
            on_thread(partial(self.layer.post, channel.name, message))
            if not self.expect(channel, None):
                self.lost["full"] += 1

    @rule(group=groups_of, count=st.integers(1, CAPACITY + 1), threaded=st.booleans())
    def publish(self, group: str, count: int, threaded: bool) -> None:
        """Send to a group some times, from another thread or from a coroutine."""
        for _ in range(count):
            message = self.new_message()
            if threaded:
                on_thread(partial(self.layer.publish, group, message))
            else:
                self.real.run(self.layer.group_send(group, message))
            for position in self.groups[group]:
                if not self.expect(self.channels[position], group):
                    self.lost["full"] += 1
            if group == "h":
                self.history.append(message["n"])
                self.trimmed = self.trimmed or len(self.history) > HISTORY
                del self.history[:-HISTORY]
                self.history_until = self.now + HISTORY_EXPIRY

    @rule(position=positions, count=st.integers(1, 3))
    def receive(self, position: int, count: int) -> None:
        """Read what is there: exactly what the model says, in order."""
        channel = self.channels[position]
        for _ in range(count):
            self.compare_next(channel)

    @rule(joins=st.booleans(), position=positions, back=st.integers(0, HISTORY + 3), group=groups_of)
    def resume(self, joins: bool, position: int, back: int, group: str) -> None:
        """Resume after one of the newest messages, or after one that is gone; join with the call or not."""
        channel = self.channels[position]
        known = sorted(self.sequences.values())
        after = known[-1] - back if known else back
        past = self.real.run(
            self.layer.resume(group, after, channel.name if joins else None, {"name": "Cid"})
        )
        kept = self.history if group == "h" else []
        first = self.sequences[kept[0]] if kept else 0
        contiguous = bool(kept) and first - 1 <= after <= self.sequences[kept[-1]]
        none_missed = after == 0 and not (kept and self.trimmed)
        assert past.gap == (not contiguous and not none_missed)
        expected = [n for n in kept if not contiguous or self.sequences[n] > after]
        assert [message["n"] for message in past.messages] == expected
        assert past.last == (self.sequences[kept[-1]] if kept else 0)
        if joins:
            channel.waiting = [each for each in channel.waiting if each[2] != group]
            self.expect_member(group, position, {"name": "Cid"})

    @rule(group=groups_of)
    def watch(self, group: str) -> None:
        """Have the watcher told."""
        self.real.run(self.layer.group_watch(group, self.watcher.name))
        self.watched[group] = self.now + GROUP_EXPIRY

    @rule(group=groups_of)
    def unwatch(self, group: str) -> None:
        """Have it told no more."""
        self.real.run(self.layer.group_unwatch(group, self.watcher.name))
        self.watched.pop(group, None)

    @rule(position=positions)
    def close_channel(self, position: int) -> None:
        """End a channel, try to make it a member all the same, and put a new one in its place."""
        old = self.channels[position].name
        self.real.run(in_loop(lambda: self.layer.close_channel(old)))
        self.real.settle()
        self.real.run(self.layer.group_add("g", old))
        for group in sorted(self.groups):
            self.expect_no_member(group, position, ordered=False)
        self.channels[position] = self.new_channel("c")

    @rule()
    def flush(self) -> None:
        """Forget everything."""
        self.real.settle()
        self.real.run(self.layer.flush())
        for channel in self.channels:
            channel.waiting.clear()
        for members in self.groups.values():
            members.clear()
        self.watched.clear()
        self.history.clear()
        self.trimmed = False

    @precondition(lambda self: self.real.timed)
    @rule(seconds=st.sampled_from([1, EXPIRY, GROUP_EXPIRY, HISTORY_EXPIRY]))
    def wait(self, seconds: int) -> None:
        """Let time pass: messages, memberships, watches and histories end."""
        self.real.wait(seconds)
        self.now += seconds
        for channel in self.channels:
            fresh = [each for each in channel.waiting if each[0] + EXPIRY > self.now]
            self.lost["expired"] += len(channel.waiting) - len(fresh)
            channel.waiting = fresh
        self.watched = {group: until for group, until in self.watched.items() if until > self.now}
        over = [
            (membership.until, group, position)
            for group, members in self.groups.items()
            for position, membership in members.items()
            if membership.until <= self.now
        ]
        for _, group, position in sorted(over):
            self.expect_no_member(group, position, ordered=False)
        if self.history_until <= self.now:
            self.history.clear()
            self.trimmed = False

    # What must be true after each.

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        """Members, history, events and losses."""
        if not hasattr(self, "real"):
            return
        self.real.settle()
        for group, members in self.groups.items():
            found = self.real.run(self.layer.group_members(group))
            expected = [(self.channels[position].name, each.metadata) for position, each in members.items()]
            assert [(each.channel, each.metadata) for each in found] == expected
            assert self.real.run(self.layer.group_count(group)) == len(expected)
        self.compare_history()
        self.compare_events()
        assert self.layer.losses.as_dict() == self.lost
        for channel in self.channels:
            assert channel.told_really == channel.told

    def compare_history(self) -> None:
        """What is kept, and that numbers follow one another, and grow whatever happens between."""
        past = self.real.run(self.layer.resume("h", None))
        assert not past.gap
        assert [message["n"] for message in past.messages] == self.history
        newest = max(self.sequences.values(), default=0)
        for before, message in zip([None, *past.messages], past.messages, strict=False):
            number, sequence = message["n"], message["sequence"]
            assert before is None or sequence == before["sequence"] + 1
            assert self.sequences.get(number, newest + 1) <= sequence
            assert self.sequences.setdefault(number, sequence) == sequence

    def compare_events(self) -> None:
        """What the watcher was told: in order, but for what happened at the same moment."""
        found: list[tuple[str, str, str, str]] = []
        while (event := self.receive_now(self.watcher)) is not None:
            found.append((event["group"], event["type"], event["channel"], str(event["metadata"])))
        position = 0
        for batch in self.expected_events():
            part = found[position : position + len(batch)]
            assert sorted(part) == sorted(batch)
            position += len(batch)
        assert len(found) == position

    def compare_next(self, channel: Channel) -> None:
        """Receive a message, if there is one, and compare it."""
        message = self.receive_now(channel)
        if not channel.waiting:
            assert message is None
            return
        _, number, group = channel.waiting.pop(0)
        assert message is not None
        assert message["n"] == number
        assert ("sequence" in message) == (group == "h")
        channel.overflowing = False

    # What changes the model.

    def new_channel(self, prefix: str) -> Channel:
        """Make a channel that notes when it is full."""
        channel = Channel(self.real.run(self.layer.new_channel(prefix)))

        def note() -> None:
            channel.told_really += 1

        self.real.run(in_loop(lambda: self.layer.on_overflow(channel.name, note)))
        return channel

    def new_message(self) -> dict[str, Any]:
        """Make a message with a number of its own."""
        self.number += 1
        return {"type": "test", "n": self.number}

    def expect(self, channel: Channel, group: str | None) -> bool:
        """Expect the newest message in a channel; False when it has no room."""
        letter = (self.now, self.number, group)
        if len(channel.waiting) < CAPACITY:
            channel.waiting.append(letter)
            return True
        if self.overflow == "drop_oldest":
            channel.waiting = [*channel.waiting[1:], letter]
            self.lost["full"] += 1
            return True
        if self.overflow == "close" and not channel.overflowing:
            channel.overflowing = True
            channel.told += 1
        return False

    def expect_member(self, group: str, position: int, metadata: dict[str, Any] | None) -> None:
        """Expect that a channel is a member."""
        members = self.groups[group]
        until = self.now + GROUP_EXPIRY
        if position in members:
            members[position].until = until
            members[position].metadata = metadata or members[position].metadata
        else:
            members[position] = Membership(until, metadata or {})
            self.expect_event("join", group, position)

    def expect_no_member(self, group: str, position: int, *, ordered: bool = True) -> None:
        """Expect that a channel is none; what is not ordered may be told in another order."""
        if position in self.groups[group]:
            self.expect_event("leave", group, position, ordered=ordered)
            del self.groups[group][position]

    def expect_event(self, kind: str, group: str, position: int, *, ordered: bool = True) -> None:
        """Expect that the watcher is told, if it watches."""
        if group in self.watched:
            metadata = str(self.groups[group][position].metadata)
            event = (group, f"group.{kind}", self.channels[position].name, metadata)
            batches = self.events
            if ordered or not batches or not batches[-1][1]:
                batches.append(([event], not ordered))
            else:
                batches[-1][0].append(event)

    def expected_events(self) -> Iterator[list[tuple[str, str, str, str]]]:
        """Return the events that were expected, those together whose order is open, and begin anew."""
        events, self.events = self.events, []
        return (batch for batch, _ in events)

    def receive_now(self, channel: Channel) -> dict[str, Any] | None:
        """Receive what waits in a channel, which is there already; None when nothing is."""
        return self.real.run(receive_now(self.layer, channel.name))


async def receive_now(layer: BaseChannelLayer, channel: str) -> dict[str, Any] | None:
    """Receive a message that is there already; None when there is none."""
    task = asyncio.ensure_future(layer.receive(channel))
    for _ in range(3):
        await asyncio.sleep(0)
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        return None
    return task.result()


async def in_loop(function: Callable[[], object]) -> None:
    """Call a function on the event loop."""
    function()


def on_thread(function: Callable[[], object]) -> None:
    """Call a function on another thread, and wait for it."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def cases(adapter: Callable[[dict[str, Any]], Adapter], examples: int = 60) -> list[type[TestCase]]:
    """Make tests of a layer, one for each policy.

    Args:
        adapter: makes a new, empty layer, with the options that it is given.
        examples: how many layers each of them makes.
    """
    made: list[type[TestCase]] = []
    for overflow in OVERFLOWS:
        attributes = {"overflow": overflow, "adapter": staticmethod(adapter)}
        machine: type[LayerMachine] = type(f"Layer_{overflow}", (LayerMachine,), attributes)
        case: type[TestCase] = machine.TestCase
        case.settings = settings(  # type: ignore[attr-defined]
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        made.append(case)
    return made
