"""Fixtures that every room's tests share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import ServerProcess, start_server

Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give `serve(*targets, **options)`, which starts real servers; they must end with the test."""
    with ExitStack() as servers:

        def start(*targets: str, **options: Any) -> ServerProcess:
            options.setdefault("cwd", tmp_path)
            return servers.enter_context(start_server(*targets, **options))

        yield start
