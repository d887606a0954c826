"""A chat in a real server process, and people in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.parlour import Person, serve_parlour
from tests.support.process import ServerProcess


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "parlour.sqlite3"


@pytest.fixture
def parlour(database: Path) -> Iterator[ServerProcess]:
    """Serve the chat with an empty database."""
    with serve_parlour(database) as server:
        yield server


@pytest.fixture
def person(parlour: ServerProcess) -> Iterator[Callable[[str], Person]]:
    """Give `person(name)`, which signs somebody up."""
    with ExitStack() as people:
        yield lambda name: people.enter_context(Person(parlour.url, name))
