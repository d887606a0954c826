"""Control sockets of workers under gunicorn itself, configured by `hybrid_control`."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.gunicorn.conftest import Gunicorn
from tests.support.control import STRANGER, asked, socket_of, sockets_below
from tests.support.gunicorn import GunicornProcess, start_gunicorn
from tests.support.process import APPS
from tests.support.waiting import children_of, until


@pytest.fixture(autouse=True)
def _no_other_folders(control_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all servers have their directories below the test's own folder."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(control_folder))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


def are_workers(server: GunicornProcess, folder: Path) -> bool:
    """Tell whether there is a socket for each worker, and no other one."""
    return set(sockets_below(folder)) == children_of(server)


def test_workers_have_sockets_by_default(gunicorn: Gunicorn, control_folder: Path) -> None:
    """Where there is something to control: below the arbiter's id, also after a reload and a kill; none is
    left.
    """
    server = gunicorn("controlled:app", workers=2)
    for number in (None, signal.SIGHUP, signal.SIGKILL):
        before = sockets_below(control_folder)
        if number is signal.SIGHUP:
            server.signal(number)
            until(partial(is_replaced, server, set(before)))
        elif number is signal.SIGKILL:
            os.kill(min(before), number)
            until(partial(is_replaced, server, {min(before)}))
        until(partial(are_workers, server, control_folder))
        sockets = sockets_below(control_folder)
        assert {each.parent for each in sockets.values()} == {control_folder / "hybrid" / str(server.pid)}
        answer = asked(max(sockets.values()), "test.all")
        assert {each["pid"] for each in answer["answers"]} == set(sockets)
    assert server.terminate() == 0


def is_replaced(server: GunicornProcess, gone: set[int]) -> bool:
    """Tell whether others are there instead."""
    return len(children_of(server)) == 2 and not gone & children_of(server)


def test_hybrid_control_says_where(gunicorn: Gunicorn, control_folder: Path) -> None:
    """Or that there is to be none."""
    named = control_folder / "named"
    server = gunicorn("hello_wsgi:app", f"hybrid_control = {str(named)!r}")
    assert asked(socket_of(named), "about")["main"] == server.pid
    assert server.terminate() == 0
    named.rmdir()
    gunicorn("controlled:app", 'hybrid_control = "none"')
    assert not sockets_below(control_folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have workers of another user")
def test_workers_of_another_user(control_folder: Path, tmp_path: Path) -> None:
    """The directory is that user's, and the arbiter removes it."""
    folder = control_folder / "t"
    folder.mkdir()
    folder.chmod(0o777)
    options: dict[str, Any] = {
        "worker_class": "hybrid.adapters.gunicorn.HybridWorker",
        "pythonpath": APPS,
        "user": STRANGER,
        "group": STRANGER,
    }
    env = {"TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(control_folder / "missing")}
    with start_gunicorn("controlled:app", cwd=tmp_path, env=env, **options) as server:
        until(lambda: sockets_below(folder))
        (path,) = sockets_below(folder).values()
        assert path.parent == folder / f"hybrid-{STRANGER}" / str(server.pid)
        assert path.stat().st_uid == STRANGER
        assert asked(path, "test.who")["leads"]
        assert server.terminate() == 0
    assert [each.name for each in folder.iterdir()] in ([], [f"hybrid-{STRANGER}"])
    assert not sockets_below(folder)
    for each in folder.iterdir():
        each.rmdir()
    folder.rmdir()
