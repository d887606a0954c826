"""Two layers of several processes against a model: who gets what, in which order, and what was lost."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers.shared import SharedChannelLayer
from tests.support.layers import DEADLINE

Result = TypeVar("Result")

#: Two channels in each of two processes, and a queue.
READERS = st.sampled_from([0, 1, 2, 3])
SENDERS = st.sampled_from([0, 1])
GROUPS = st.sampled_from(["g", "h"])

CAPACITY = 3
HISTORY = 4


class LayersMachine(RuleBasedStateMachine):
    """Calls methods of two layers in any order; each call is done before the next one begins.

    So there is one order of all messages, and the model knows exactly what waits in each channel.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.layers = [self.make_layer(capacity=CAPACITY, history=HISTORY) for _ in range(2)]
        self.number = 0
        self.full = 0
        self.members: defaultdict[str, set[int]] = defaultdict(set)
        self.waiting: defaultdict[int, deque[int]] = defaultdict(deque)
        self.queue: deque[int] = deque()
        self.kept: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=HISTORY))

    def make_layer(self, **options: Any) -> SharedChannelLayer:
        """Make one of the two layers."""
        raise NotImplementedError

    @initialize()
    def make_channels(self) -> None:
        """Name the channels, which belong to their layers, and begin to read: nothing is lost before."""
        self.channels = [self.run(self.layers[number // 2].new_channel()) for number in range(4)]
        for layer, channel in ((self.layers[0], self.channels[0]), (self.layers[1], self.channels[2])):
            self.run(layer.send(channel, {}))
            self.run(layer.receive(channel))

    def teardown(self) -> None:
        """Read what is left, and compare what was lost."""
        try:
            for reader in range(4):
                while self.waiting[reader]:
                    self.receive(reader)
            while self.queue:
                self.take(0)
            counted = sum(layer.losses["full"] for layer in self.layers)
            assert counted == self.full
            assert not any(layer.losses["expired"] + layer.losses["disconnected"] for layer in self.layers)
        finally:
            for layer in self.layers:
                self.run(layer.close())
            self.loop.close()

    @rule(sender=SENDERS, group=GROUPS, reader=READERS)
    def join(self, sender: int, group: str, reader: int) -> None:
        """Make a channel a member, by its own process or the other."""
        self.run(self.layers[sender].group_add(group, self.channels[reader]))
        self.members[group].add(reader)

    @rule(sender=SENDERS, group=GROUPS, reader=READERS)
    def leave(self, sender: int, group: str, reader: int) -> None:
        """End a membership."""
        self.run(self.layers[sender].group_discard(group, self.channels[reader]))
        self.members[group].discard(reader)

    @rule(sender=SENDERS, group=GROUPS)
    def publish(self, sender: int, group: str) -> None:
        """Send to a group."""
        self.run(self.layers[sender].group_send(group, {"n": self.number}))
        self.kept[group].append(self.number)
        for reader in self.members[group]:
            self.put(reader)
        self.number += 1

    @rule(sender=SENDERS, reader=READERS)
    def send(self, sender: int, reader: int) -> None:
        """Send to one channel; the sender is told that it is full only in the same process."""
        try:
            self.run(self.layers[sender].send(self.channels[reader], {"n": self.number}))
        except ChannelFull:
            assert sender == reader // 2
            assert len(self.waiting[reader]) == CAPACITY
        else:
            self.put(reader)
        self.number += 1

    @rule(reader=READERS)
    def receive(self, reader: int) -> None:
        """Read what is next, if there is anything."""
        if self.waiting[reader]:
            message = self.run(self.layers[reader // 2].receive(self.channels[reader]))
            assert message["n"] == self.waiting[reader].popleft()

    @rule(sender=SENDERS)
    def queue_up(self, sender: int) -> None:
        """Send to a queue, which may be full."""
        try:
            self.run(self.layers[sender].send("queue", {"n": self.number}))
        except ChannelFull:
            assert len(self.queue) == CAPACITY
        else:
            self.queue.append(self.number)
        self.number += 1

    @rule(sender=SENDERS)
    def take(self, sender: int) -> None:
        """Read from the queue, in either process."""
        if self.queue:
            assert self.run(self.layers[sender].receive("queue"))["n"] == self.queue.popleft()

    @rule(sender=SENDERS, group=GROUPS)
    def ask(self, sender: int, group: str) -> None:
        """Ask who is in a group, and what was sent to it."""
        layer = self.layers[sender]
        names = {self.channels[reader] for reader in self.members[group]}
        assert {each.channel for each in self.run(layer.group_members(group))} == names
        assert self.run(layer.group_count(group)) == len(names)
        replay = self.run(layer.resume(group, None))
        assert [each["n"] for each in replay.messages] == list(self.kept[group])

    def put(self, reader: int) -> None:
        """Let the model's channel have a message, when it has arrived in the other process, too."""
        if len(self.waiting[reader]) < CAPACITY:
            self.waiting[reader].append(self.number)
        else:
            self.full += 1
        for layer in self.layers:  # whose answer comes after what was sent before
            self.run(layer.group_count("nobody"))
            self.run(asyncio.sleep(0))

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop of both layers."""

        async def within_deadline() -> Result:
            async with asyncio.timeout(DEADLINE):
                return await coroutine

        return self.loop.run_until_complete(within_deadline())
