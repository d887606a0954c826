"""Layers through Redis against a model: who gets what, in which order, and that the books balance."""

import asyncio
import shutil
import tempfile
from collections import defaultdict, deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers.redis import RedisChannelLayer
from tests.support.layers import DEADLINE
from tests.support.redis import RedisServer

Result = TypeVar("Result")

#: Two channels in each of two processes, and a queue.
READERS = st.sampled_from([0, 1, 2, 3])
SENDERS = st.sampled_from([0, 1])
GROUPS = st.sampled_from(["g", "h"])

CAPACITY = 3


class LayersMachine(RuleBasedStateMachine):
    """Calls methods of two layers in any order; each call is done before the next one begins.

    So there is one order of all messages, and the model knows exactly what waits in each channel.
    """

    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server.command("FLUSHALL")
        self.layers = [RedisChannelLayer(self.server.url, capacity=CAPACITY, history=4) for _ in range(2)]
        self.number = 0
        self.full = 0
        self.members: defaultdict[str, set[int]] = defaultdict(set)
        self.waiting: defaultdict[int, deque[int]] = defaultdict(deque)
        self.queue: deque[int] = deque()
        self.kept: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=4))

    @initialize()
    def make_channels(self) -> None:
        """Name the channels, which belong to their layers, and begin to read: nothing is lost before."""
        self.channels = [self._run(self.layers[number // 2].new_channel()) for number in range(4)]
        for layer, channel in ((self.layers[0], self.channels[0]), (self.layers[1], self.channels[2])):
            self._run(layer.send(channel, {}))
            self._run(layer.receive(channel))

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
                self._run(layer.close())
            self.loop.close()

    @rule(sender=SENDERS, group=GROUPS, reader=READERS)
    def join(self, sender: int, group: str, reader: int) -> None:
        """Make a channel a member, by its own process or the other."""
        self._run(self.layers[sender].group_add(group, self.channels[reader]))
        self.members[group].add(reader)

    @rule(sender=SENDERS, group=GROUPS, reader=READERS)
    def leave(self, sender: int, group: str, reader: int) -> None:
        """End a membership."""
        self._run(self.layers[sender].group_discard(group, self.channels[reader]))
        self.members[group].discard(reader)

    @rule(sender=SENDERS, group=GROUPS)
    def publish(self, sender: int, group: str) -> None:
        """Send to a group."""
        self._run(self.layers[sender].group_send(group, {"n": self.number}))
        self.kept[group].append(self.number)
        for reader in self.members[group]:
            self._put(reader)
        self.number += 1

    @rule(sender=SENDERS, reader=READERS)
    def send(self, sender: int, reader: int) -> None:
        """Send to one channel; the sender is told that it is full only in the same process."""
        try:
            self._run(self.layers[sender].send(self.channels[reader], {"n": self.number}))
        except ChannelFull:
            assert sender == reader // 2
            assert len(self.waiting[reader]) == CAPACITY
        else:
            self._put(reader)
        self.number += 1

    @rule(reader=READERS)
    def receive(self, reader: int) -> None:
        """Read what is next, if there is anything."""
        if self.waiting[reader]:
            message = self._run(self.layers[reader // 2].receive(self.channels[reader]))
            assert message["n"] == self.waiting[reader].popleft()

    @rule(sender=SENDERS)
    def queue_up(self, sender: int) -> None:
        """Send to a queue, which may be full."""
        try:
            self._run(self.layers[sender].send("queue", {"n": self.number}))
        except ChannelFull:
            assert len(self.queue) == CAPACITY
        else:
            self.queue.append(self.number)
        self.number += 1

    @rule(sender=SENDERS)
    def take(self, sender: int) -> None:
        """Read from the queue, in either process."""
        if self.queue:
            assert self._run(self.layers[sender].receive("queue"))["n"] == self.queue.popleft()

    @rule(sender=SENDERS, group=GROUPS)
    def ask(self, sender: int, group: str) -> None:
        """Ask who is in a group, and what was sent to it."""
        layer = self.layers[sender]
        names = {self.channels[reader] for reader in self.members[group]}
        assert {each.channel for each in self._run(layer.group_members(group))} == names
        assert self._run(layer.group_count(group)) == len(names)
        replay = self._run(layer.resume(group, None))
        assert [each["n"] for each in replay.messages] == list(self.kept[group])

    def _put(self, reader: int) -> None:
        """Let the model's channel have a message, when it has arrived in the other process, too."""
        if len(self.waiting[reader]) < CAPACITY:
            self.waiting[reader].append(self.number)
        else:
            self.full += 1
        for layer in self.layers:  # whose answer comes after what was sent before
            self._run(layer.group_count("nobody"))
            self._run(asyncio.sleep(0))

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        async def within_deadline() -> Result:
            async with asyncio.timeout(DEADLINE):
                return await coroutine

        return self.loop.run_until_complete(within_deadline())


@pytest.mark.slow
def test_two_processes_against_the_model() -> None:
    """Each member gets what was sent while it was one, in order and once, unless its channel was full."""
    folder = Path(tempfile.mkdtemp())
    try:
        with RedisServer(folder) as server:
            LayersMachine.server = server
            run_state_machine_as_test(
                LayersMachine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
            )
    finally:
        shutil.rmtree(folder)
