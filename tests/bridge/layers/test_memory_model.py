"""The layer against a model without capacity: what arrives, in which order, and that the books balance."""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers import InMemoryChannelLayer

CHANNELS = st.sampled_from(["a", "b", "c"])
GROUPS = st.sampled_from(["g", "h"])


class LayerMachine(RuleBasedStateMachine):
    """Calls methods in any order, on an event loop, on another thread and as time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.layer = InMemoryChannelLayer(10, 30, 3, backlog=8, clock=lambda: self.now)
        self.loop = asyncio.new_event_loop()
        self.number = 0
        self.groups: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.due: defaultdict[str, list[int]] = defaultdict(list)  # everything that a channel may still get
        self.owed = 0  # everything that was accepted for some channel
        self.received = 0

    def teardown(self) -> None:
        """Read everything: each accepted message was received, dropped or expired."""
        try:
            for channel in ("a", "b", "c"):
                while self._receive(channel) is not None:
                    pass
            assert self.received + self.layer.losses["full"] + self.layer.losses["expired"] == self.owed
        finally:
            self.loop.close()

    @rule(group=GROUPS, channel=CHANNELS)
    def join(self, group: str, channel: str) -> None:
        """Make a channel a member."""
        self._run(self.layer.group_add(group, channel))
        self.groups[group][channel] = self.now + 30

    @rule(group=GROUPS, channel=CHANNELS)
    def leave(self, group: str, channel: str) -> None:
        """End a membership."""
        self._run(self.layer.group_discard(group, channel))
        self.groups[group].pop(channel, None)

    @rule(channel=CHANNELS)
    def send(self, channel: str) -> None:
        """Send to one channel, which may refuse."""
        with contextlib.suppress(ChannelFull):
            self._run(self.layer.send(channel, {"n": self.number}))
            self._expect([channel])
        self.number += 1

    @rule(group=GROUPS, on_thread=st.booleans(), count=st.integers(1, 4))
    def publish(self, group: str, on_thread: bool, count: int) -> None:
        """Send to a group, from another thread or from a coroutine."""
        self._forget_old_members()
        for _ in range(count):
            self._expect(list(self.groups[group]))
            if on_thread:
                thread = threading.Thread(target=self.layer.publish, args=(group, {"n": self.number}))
                thread.start()
                thread.join()
            else:
                self._run(self.layer.group_send(group, {"n": self.number}))
            self.number += 1

    @rule(channel=CHANNELS)
    def receive(self, channel: str) -> None:
        """Read what is there."""
        self._receive(channel)

    @rule(seconds=st.sampled_from([1, 5, 11, 31]))
    def wait(self, seconds: int) -> None:
        """Let time pass, whatever waits where."""
        self.now += seconds

    @invariant()
    def no_more_is_lost_than_was_owed(self) -> None:
        """Received, dropped and expired together never exceed what was accepted."""
        assert self.received + self.layer.losses["full"] + self.layer.losses["expired"] <= self.owed

    def _expect(self, channels: list[str]) -> None:
        self.owed += len(channels)
        for channel in channels:
            self.due[channel].append(self.number)

    def _forget_old_members(self) -> None:
        for members in self.groups.values():
            for channel in [channel for channel, until in members.items() if until <= self.now]:
                del members[channel]

    def _receive(self, channel: str) -> int | None:
        """Receive a message if there is one: it must be one that is due, and those before it were lost."""
        task = self.loop.create_task(self.layer.receive(channel))
        for _ in range(3):
            self._run(asyncio.sleep(0))
        if not task.done():
            task.cancel()
            self._run(asyncio.wait([task]))
            return None
        number: int = task.result()["n"]
        position = self.due[channel].index(number)
        del self.due[channel][: position + 1]
        self.received += 1
        return number

    def _run(self, coroutine: Coroutine[Any, Any, object]) -> None:
        self.loop.run_until_complete(coroutine)


TestLayer = LayerMachine.TestCase
TestLayer.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
