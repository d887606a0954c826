"""A ticket desk in a real server process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.demo_desk import prepare, serve_desk
from tests.support.process import ServerProcess


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder with the project, people and tickets."""
    return prepare(tmp_path)


@pytest.fixture
def desk(project: Path) -> Iterator[ServerProcess]:
    """Serve it on both lanes."""
    with serve_desk(project, access_log=False) as server:
        yield server
