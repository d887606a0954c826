"""Fixtures for tests of `deploy/`."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.nginx import Nginx, StartNginx


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """Give `nginx(upstream, *servers)`, which starts nginx in front of servers; it ends with the test."""
    with ExitStack() as started:

        def start(upstream: str, *servers: str) -> Nginx:
            folder = tmp_path / "nginx"
            folder.mkdir()
            return started.enter_context(Nginx(folder, upstream, *servers))

        yield start
