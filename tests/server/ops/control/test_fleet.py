"""Asking the processes of one server, where one of them does not even accept who asks."""

import contextlib
import logging
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from hybrid.server.ops.control.commands import Commands
from hybrid.server.ops.control.fleet import Processes
from hybrid.server.ops.control.places import socket_of
from tests.apps import controlled
from tests.support.embedded import on_each_loop


@on_each_loop
async def test_a_process_at_which_too_many_wait_is_missing(
    control_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its loop does not turn; the log says that, and nothing of another user."""
    caplog.set_level(logging.WARNING)
    path = socket_of(control_folder, 1)
    with ExitStack() as sockets:
        stuck = sockets.enter_context(socket.socket(socket.AF_UNIX))
        stuck.bind(str(path))
        stuck.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting = sockets.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(str(path))
        answers = await Processes(control_folder, Commands({"echo": controlled.echo})).ask("echo", {"x": 1})
    path.unlink()
    assert ([*answers], answers.missing) == ([{"x": 1}], [1])
    assert "process 1 gives no answer to echo: too many wait already to be accepted" in caplog.text
