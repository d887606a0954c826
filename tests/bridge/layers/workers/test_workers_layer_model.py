"""A layer through a broker does what every layer must do, also from the process that is not the broker."""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.layers.workers import WorkersChannelLayer
from tests.support.layer_model import cases
from tests.support.layers import ThreadedAdapter

pytestmark = pytest.mark.slow


class WorkersAdapter(ThreadedAdapter):
    """A layer beside another one on its loop, which is the broker."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        place = str(Path(self._folder.name) / "s")
        self._broker = WorkersChannelLayer(place)
        super().__init__(lambda: WorkersChannelLayer(place, **options), self._be_broker())

    async def _be_broker(self) -> None:
        await self._broker.open()
        await self._broker.group_count("nobody")

    async def end(self) -> None:
        """Close the broker too."""
        await super().end()
        await self._broker.close()

    def close(self) -> None:
        """Remove the folder, too."""
        super().close()
        self._folder.cleanup()


TestDropNewest, TestDropOldest, TestClose = cases(WorkersAdapter, examples=25)
