"""A layer through Redis does what every layer must do."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.layers.redis import RedisChannelLayer
from tests.support.layer_model import cases
from tests.support.layers import ThreadedAdapter
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have one server for all layers, each of which has a prefix of its own."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with RedisServer(folder) as running:
        RedisAdapter.url = running.url
        yield


class RedisAdapter(ThreadedAdapter):
    """A layer with a prefix of its own."""

    url = ""
    numbers = itertools.count()

    def __init__(self, options: dict[str, Any]) -> None:
        prefix = f"model{next(self.numbers)}"
        super().__init__(lambda: RedisChannelLayer(self.url, prefix=prefix, **options), asyncio.sleep(0))


TestDropNewest, TestDropOldest, TestClose = cases(RedisAdapter, examples=25)
