"""A board in a real server process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.board import serve_board
from tests.support.process import ServerProcess


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "board.sqlite3"


@pytest.fixture
def board(database: Path) -> Iterator[ServerProcess]:
    """Serve the board with an empty database."""
    with serve_board(database) as server:
        yield server
