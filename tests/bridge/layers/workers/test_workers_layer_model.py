"""A layer through a broker does what every layer must do, also from the process that is not the broker."""

import asyncio
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hybrid.bridge.layers.workers import WorkersChannelLayer
from tests.support.layer_model import cases
from tests.support.process import DEADLINE

Result = TypeVar("Result")

pytestmark = pytest.mark.slow


class WorkersAdapter:
    """A layer on a loop that runs on a thread, and another one there that is the broker."""

    timed = False

    def __init__(self, options: dict[str, Any]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._folder = tempfile.TemporaryDirectory()
        place = str(Path(self._folder.name) / "s")
        self._broker = WorkersChannelLayer(place)
        self.run(self._broker.open())
        self.run(self._broker.group_count("nobody"))
        self.layer = WorkersChannelLayer(place, **options)
        self.run(self.layer.open())

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the layers' loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)

    def settle(self) -> None:
        """Have an answer that comes after all that was sent, and let the loop deliver that."""
        self.run(self._settle())

    async def _settle(self) -> None:
        await self.layer.group_count("nobody")
        for _ in range(10):
            await asyncio.sleep(0)

    def wait(self, seconds: int) -> None:
        """Let no time pass."""

    def close(self) -> None:
        """Close the layers and the loop."""
        self.run(self.layer.close())
        self.run(self._broker.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()


TestDropNewest, TestDropOldest, TestClose = cases(WorkersAdapter, examples=25)
