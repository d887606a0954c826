"""Two layers through one Redis against the model of layers of several processes."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from hybrid.bridge.layers.redis import RedisChannelLayer
from tests.support.layers_machine import LayersMachine
from tests.support.redis import RedisServer


class RedisMachine(LayersMachine):
    """Calls methods of two layers through a server that has forgotten everything before."""

    server: RedisServer

    def __init__(self) -> None:
        self.server.command("FLUSHALL")
        super().__init__()

    def make_layer(self, **options: Any) -> RedisChannelLayer:
        """Make one of the two layers."""
        return RedisChannelLayer(self.server.url, **options)


@pytest.mark.slow
def test_two_processes_against_the_model() -> None:
    """Each member gets what was sent while it was one, in order and once, unless its channel was full."""
    folder = Path(tempfile.mkdtemp())
    try:
        with RedisServer(folder) as server:
            RedisMachine.server = server
            run_state_machine_as_test(
                RedisMachine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
            )
    finally:
        shutil.rmtree(folder)
