"""Servers that many tests of this folder share: starting a process for each would take most of the time."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_versions import BOTH, VERSION_IDS, VERSIONS, Version
from tests.support.needs import require_module
from tests.support.process import ServerProcess, start_server

WITNESSES = (
    "bodiless",
    "deaf",
    "echoes",
    "own_fields",
    "receives_again",
    "receives_to_the_end",
    "refuses",
    "report",
    "sends_and_waits",
    "sends_at_once",
    "sends_fields",
    "sends_in_a_group",
    "sends_little",
    "sends_parts",
    "sends_to_nobody",
    "shows_scope",
    "tell",
    "translates",
    "waits",
    "works_afterwards",
)
STREAMS = ("status", "download", "large", "upload")
OPTIONS: dict[str, Any] = {"access_log": False, "lifespan": "off", **BOTH}


def mounts(module: str, names: Iterable[str]) -> list[str]:
    """Write the targets that put each of a module's applications at a path of its name."""
    return [f"/{name}={module}:{name}" for name in names]


def check_quiet(server: ServerProcess) -> None:
    """Fail if a server, its event loop or Python has complained; a request refused is no complaint."""
    complaint = re.compile(r"Traceback|Error|Warning|WARNING|ERROR|raised exception|never retrieved")
    assert not [line for line in server.stderr.splitlines() if complaint.search(line)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for a server to run in."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    """Give each event loop in turn."""
    if request.param == "uvloop":
        require_module("uvloop")
    return str(request.param)


@pytest.fixture(params=VERSIONS, ids=VERSION_IDS)
def version(request: pytest.FixtureRequest) -> Version:
    """Give each version of HTTP in turn."""
    found: Version = request.param
    return found


@pytest.fixture(scope="module")
def witness(folder: Path, loop: str) -> Iterator[ServerProcess]:
    """Serve the applications that tell what happened to them."""
    targets = mounts("witness", WITNESSES)
    with start_server(*targets, cwd=folder, loop=loop, **OPTIONS) as server:
        yield server
        check_quiet(server)


@pytest.fixture(scope="module")
def streams(folder: Path, loop: str) -> Iterator[ServerProcess]:
    """Serve the applications that move much data."""
    targets = mounts("streams", STREAMS)
    with start_server(*targets, cwd=folder, loop=loop, **OPTIONS) as server:
        yield server
        check_quiet(server)
