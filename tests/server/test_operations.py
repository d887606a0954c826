"""What a server gives those who operate it, and when; what they are told is tested where it is made."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.application import load_application
from hybrid.server.config import Config
from hybrid.server.context import ServerContext
from hybrid.server.listening.accepting import Entrance
from hybrid.server.operations import Operations
from hybrid.server.ops.metrics.snapshot import Workers
from hybrid.server.server import Server
from tests.apps import controlled
from tests.apps.hello_asgi import app as hello
from tests.support.control import asked, socket_of, sockets_below
from tests.support.embedded import DEADLINE, on_each_loop, serving


class Stand:
    """A server that does nothing else."""

    ready = True
    urls: list[str] = ["http://127.0.0.1:1"]  # noqa: RUF012 - as a server's: nobody changes it

    def __init__(self, **settings: Any) -> None:
        self.config = Config(**{"app": hello, "access_log": False, **settings})
        self.workers: Callable[[], Workers | None] = lambda: None
        self.ops_sockets: Sequence[socket.socket] | None = None
        self.main_process: int | None = os.getpid()
        self.loaded = load_application(self.config)

    def operations(self) -> Operations:
        """Make its operations."""
        return Operations(self, self.loaded)

    async def open(self, operations: Operations) -> None:
        """Open them, as before the first request."""
        loop = asyncio.get_running_loop()
        context = ServerContext(self.config, self.loaded.application, loop)
        await operations.open(context, Entrance(loop, 0, lambda: 0))
        await operations.start()


async def end(operations: Operations) -> None:
    """Take the steps of the end."""
    operations.hide()
    await operations.leave()
    await operations.close()


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, control_folder: Path) -> None:
    """Let this user's control sockets be in the folder."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(control_folder))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@on_each_loop
async def test_what_can_only_be_asked_can_be_asked_later(control_folder: Path) -> None:
    """Its start waits for no control socket: there is one once it has settled, and none after its end."""
    stand = Stand()
    operations = stand.operations()
    await stand.open(operations)
    assert not sockets_below(control_folder)
    assert (operations.urls, operations.lines) == ([], [])
    await operations.settle()
    about = await asyncio.to_thread(asked, socket_of(control_folder), "about")
    assert about["urls"] == stand.urls
    assert "status.show" in about["commands"]
    await operations.settle()  # once more changes nothing
    assert len(sockets_below(control_folder)) == 1
    await end(operations)
    assert not sockets_below(control_folder)


@on_each_loop
async def test_what_can_be_told_things_can_be_from_the_start(control_folder: Path) -> None:
    """Applications must have joined the other processes before the first request; once hidden, they cannot
    be reached any more.
    """
    stand = Stand(app=controlled.app)
    operations = stand.operations()
    await stand.open(operations)
    path = socket_of(control_folder)
    assert (await asyncio.to_thread(asked, path, "test.who"))["leads"]
    path.unlink()
    operations.look()
    assert path.exists()
    operations.hide()
    assert not path.exists()
    await end(operations)


@on_each_loop
async def test_the_console_is_where_the_settings_say(control_folder: Path) -> None:
    """It can be named before the server says where it listens."""
    stand = Stand(ops="127.0.0.1:0", control="none")
    operations = stand.operations()
    assert operations.urls == []
    await stand.open(operations)
    (url,) = operations.urls
    assert url.startswith("http://127.0.0.1:")
    assert operations.lines == [f"operations page at {url}"]
    await end(operations)
    assert not sockets_below(control_folder)


@on_each_loop
async def test_a_program_finds_the_console_of_its_server() -> None:
    """The server says where it is, as of what it serves: the port may be the system's choice."""
    assert Server(Config(app=hello)).ops_urls == []
    async with serving(hello, ops="127.0.0.1:0") as (server, _):
        (url,) = server.ops_urls
        with await asyncio.to_thread(urlopen, f"{url}/health/ready", timeout=DEADLINE) as answer:
            assert answer.status == 200


@on_each_loop
async def test_a_server_in_a_program_cannot_be_found(control_folder: Path) -> None:
    """Nobody knows it by its main process, neither at its start nor later."""
    stand = Stand(app=controlled.app)
    stand.main_process = None
    operations = stand.operations()
    await stand.open(operations)
    await operations.settle()
    operations.look()
    assert not sockets_below(control_folder)
    await end(operations)


@on_each_loop
async def test_the_end_of_what_was_never_opened(control_folder: Path) -> None:
    """A server whose applications do not start has nothing to take back."""
    operations = Stand(app=controlled.app).operations()
    await end(operations)
    assert "Operations" in repr(operations)


def test_a_folder_that_cannot_be_used(control_folder: Path) -> None:
    """It is found out before the applications start."""
    file = control_folder / "file"
    file.touch()
    stand = Stand(control=file)
    with pytest.raises(ConfigError, match="control"):
        stand.operations()
    file.unlink()
