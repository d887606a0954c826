"""The layer against the model of layers of several processes, also while brokers hand over."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from hybrid.bridge.layers.workers import WorkersChannelLayer
from tests.support.layers_machine import GROUPS, SENDERS, LayersMachine


class WorkersMachine(LayersMachine):
    """Calls methods of two layers in any order, of which one or the other is the broker."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.both: list[WorkersChannelLayer] = []
        super().__init__()
        for layer in self.both:
            self.run(layer.open())

    def make_layer(self, **options: Any) -> WorkersChannelLayer:
        """Make one of the two layers."""
        layer = WorkersChannelLayer(str(Path(self.folder.name) / "s"), **options)
        self.both.append(layer)
        return layer

    def teardown(self) -> None:
        """Compare, and remove the files."""
        super().teardown()
        self.folder.cleanup()

    @rule(sender=SENDERS, group=GROUPS)
    def publish(self, sender: int, group: str) -> None:
        """Send to a group, and wait until the broker has it: a hand-over may hold it back for a while."""
        super().publish(sender, group)
        self._settle()

    def put(self, reader: int) -> None:
        """Let it have arrived, as in the model."""
        self._settle()
        super().put(reader)

    def _settle(self) -> None:
        for layer in self.layers:
            self.run(layer.group_count("nobody"))

    @rule(fit=st.sampled_from([0, 1]))
    def hand_over(self, fit: int) -> None:
        """Let one of them be the one that would be the better broker."""
        for number, layer in enumerate(self.both):
            self.run(layer._set_serving(number == fit))


@pytest.mark.slow
def test_hand_overs_against_the_model() -> None:
    """Each member gets what was sent while it was one, in order and once, whoever is the broker."""
    run_state_machine_as_test(WorkersMachine, settings=settings(max_examples=40, stateful_step_count=30))
