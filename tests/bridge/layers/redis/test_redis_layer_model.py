"""A layer through Redis does what every layer must do."""

import asyncio
import itertools
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hybrid.bridge.layers.redis import RedisChannelLayer
from tests.support.layer_model import cases
from tests.support.process import DEADLINE
from tests.support.redis import RedisServer

Result = TypeVar("Result")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have one server for all layers, each of which has a prefix of its own."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with RedisServer(folder) as running:
        RedisAdapter.url = running.url
        yield


class RedisAdapter:
    """A layer on a loop that runs on a thread, as a server's does beside threads that publish."""

    timed = False
    url = ""
    numbers = itertools.count()

    def __init__(self, options: dict[str, Any]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.layer = RedisChannelLayer(self.url, prefix=f"model{next(self.numbers)}", **options)
        self.run(self.layer.open())

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the layer's loop."""
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
        """Close the layer and the loop."""
        self.run(self.layer.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


TestDropNewest, TestDropOldest, TestClose = cases(RedisAdapter, examples=25)
