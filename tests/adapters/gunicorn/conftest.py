"""The `gunicorn` fixture: real gunicorn processes with our worker and somebody's configuration file."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.gunicorn import GunicornProcess, start_gunicorn
from tests.support.process import APPS

#: `gunicorn(target, configuration_file, **options)`.
Gunicorn = Callable[..., GunicornProcess]


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Gunicorn]:
    """Give what starts gunicorn in a folder of its own, on `tests/apps`; it must end with the test."""
    with starter(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared_gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Give the same for processes that several tests of a module ask, and leave as they are."""
    with starter(tmp_path_factory.mktemp("gunicorn")) as start:
        yield start


@contextmanager
def starter(folder: Path) -> Iterator[Gunicorn]:
    """Give what starts gunicorn in a folder, while the block runs."""
    with ExitStack() as servers:

        def start(
            target: str, conf: str = "", env: dict[str, str] | None = None, **options: object
        ) -> GunicornProcess:
            (folder / "gunicorn.conf.py").write_text(dedent(conf), encoding="utf-8")
            settings: dict[str, object] = {
                "worker_class": "hybrid.adapters.gunicorn.HybridWorker",
                "pythonpath": APPS,
                "graceful_timeout": 5,
                **options,
            }
            server = servers.enter_context(start_gunicorn(target, cwd=folder, env=env, **settings))
            serving = "Worker serving(.|\n)*" * int(str(options.get("workers", 1)))
            server.wait_for_stderr(re.compile(serving))
            return server

        yield start
