"""Who finds the layers of `CHANNEL_LAYERS` in a process that imports no name of Channels."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import require_module
from tests.support.process import DEADLINE, process_environment, run_hybrid

#: A project with a layer that can be told from the default one, and a consumer for a channel.
PROJECT = """
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=[{installed}],
    CHANNEL_LAYERS={{"default": {{"BACKEND": "{backend}", "CONFIG": {{"capacity": 7}}}}}},
)
django.setup()

from hybrid.bridge import AsyncConsumer, ChannelNameRouter

app = ChannelNameRouter({{"thumbnails": AsyncConsumer.as_asgi()}})
"""
EMBEDDED = """
import project
from hybrid.server import Config, running_in_thread

with running_in_thread(Config(app=project.app, port=0)):
    pass
"""


@pytest.fixture(autouse=True)
def _libraries() -> None:
    require_module("django")


def write_project(folder: Path, installed: str = "", backend: str = "memory") -> None:
    """Write the project's only module."""
    (folder / "project.py").write_text(PROJECT.format(installed=installed, backend=backend))


def capacity_after(statement: str, folder: Path) -> str:
    """Run a statement in a new interpreter, and return the capacity of the default layer afterwards."""
    code = f"{statement}\nimport hybrid\nprint(hybrid.get_channel_layer().capacity)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=process_environment(None),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    return done.stdout.strip()


def test_an_installed_app(tmp_path: Path) -> None:
    """With the app installed, a task or a script needs no more than the project's set-up."""
    write_project(tmp_path, '"hybrid.adapters.django"')
    assert capacity_after("import project", tmp_path) == "7"


def test_a_program_that_serves(tmp_path: Path) -> None:
    """A server inside of a program fits in as `hybrid serve` does."""
    write_project(tmp_path)
    assert capacity_after(EMBEDDED, tmp_path) == "7"


def test_a_worker(tmp_path: Path) -> None:
    """`hybrid worker` listens on the project's layer: one that there is not is what it stumbles over."""
    write_project(tmp_path, backend="project.NoLayer")
    done = run_hybrid("worker", "project:app", "thumbnails", cwd=tmp_path)
    assert "project.NoLayer" in done.stderr
    assert "is in memory" not in done.stderr
    assert done.returncode == 2
