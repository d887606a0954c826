"""The layer against the model of layers of several processes, also while brokers hand over."""

import asyncio
import tempfile
from collections import defaultdict, deque
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from hybrid.bridge.layers.workers import WorkersChannelLayer
from tests.bridge.layers.redis.test_redis_model import CAPACITY, GROUPS, SENDERS, LayersMachine


class WorkersMachine(LayersMachine):
    """Calls methods of two layers in any order, of which one or the other is the broker."""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        place = str(Path(self.folder.name) / "s")
        self.both = [WorkersChannelLayer(place, capacity=CAPACITY, history=4) for _ in range(2)]
        self.layers = cast("Any", self.both)
        for layer in self.both:
            self._run(layer.open())
        self.number = 0
        self.full = 0
        self.members = defaultdict(set)
        self.waiting = defaultdict(deque)
        self.queue = deque()
        self.kept = defaultdict(lambda: deque(maxlen=4))

    def teardown(self) -> None:
        """Compare, and remove the files."""
        super().teardown()
        self.folder.cleanup()

    @rule(sender=SENDERS, group=GROUPS)
    def publish(self, sender: int, group: str) -> None:
        """Send to a group, and wait until the broker has it: a hand-over may hold it back for a while."""
        super().publish(sender, group)
        self._settle()

    def _put(self, reader: int) -> None:
        self._settle()
        super()._put(reader)

    def _settle(self) -> None:
        for layer in self.both:
            self._run(layer.group_count("nobody"))

    @rule(fit=st.sampled_from([0, 1]))
    def hand_over(self, fit: int) -> None:
        """Let one of them be the one that would be the better broker."""
        for number, layer in enumerate(self.both):
            self._run(layer._set_serving(number == fit))


@pytest.mark.slow
def test_hand_overs_against_the_model() -> None:
    """Each member gets what was sent while it was one, in order and once, whoever is the broker."""
    run_state_machine_as_test(WorkersMachine, settings=settings(max_examples=40, stateful_step_count=30))
