"""The units of `deploy/systemd/`, as systemd's own tools see them, and run without it."""

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.server.config import Config
from tests.support.activation import activated
from tests.support.callers import Callers
from tests.support.nginx import StartNginx
from tests.support.process import ROOT, Serve, ServerProcess
from tests.support.units import analyze, read_unit
from tests.support.waiting import children_of, until

UNITS = ROOT / "deploy" / "systemd"
SERVICE, SOCKET = (read_unit(UNITS / f"hybrid.{kind}") for kind in ("service", "socket"))


def test_systemd_has_nothing_against_them(tmp_path: Path) -> None:
    """Every setting is one of systemd's, in its place and with a value that makes sense."""
    for name in ("hybrid.service", "hybrid.socket"):
        text = (UNITS / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/srv/hybrid/venv/bin/hybrid", sys.executable))
    done = analyze("verify", tmp_path / "hybrid.service", tmp_path / "hybrid.socket")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_service_may_do_little() -> None:
    """Systemd finds the service well shut off: 1.4 of 10, where a unit without such settings has 9.6."""
    done = analyze("security", "--offline=true", "--threshold=15", "--no-pager", UNITS / "hybrid.service")
    assert done.returncode == 0, done.stdout


def test_the_times_fit_each_other() -> None:
    """Systemd waits for a drain and the end after it."""
    assert int(SERVICE["TimeoutStopSec"][0]) >= Config(app="x").timeout_graceful_shutdown + 10


def test_the_socket_outlives_the_service() -> None:
    """The folder of the service, which is removed when it stops, does not hold the socket."""
    (path,) = SOCKET["ListenStream"]
    assert not Path(path).is_relative_to(Path("/run", SERVICE["RuntimeDirectory"][0]))
    assert SERVICE["Requires"] == ["hybrid.socket"]


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen as the unit of the socket says, but for the folder."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(int(SOCKET["Backlog"][0]))
        yield listener


def start(serve: Serve, listener: socket.socket) -> ServerProcess:
    """Start what the service's unit starts, with the socket."""
    _, command, option, workers = SERVICE["ExecStart"][0].split()
    assert (command, option) == ("serve", "--workers")
    passed: dict[str, Any] = {"launcher": activated(listener), "pass_fds": [listener.fileno()]}
    server = serve("processes:wsgi", port=8000, workers=int(workers), **passed)
    server.wait_for_stderr(f"has {workers} workers")
    return server


def test_reload_and_restart(serve: Serve, nginx: StartNginx, listener: socket.socket) -> None:
    """`systemctl reload` and `systemctl restart`, under load behind nginx: no request fails."""
    kill, option, pid = SERVICE["ExecReload"][0].split()
    assert (Path(kill).name, option, pid) == ("kill", "-HUP", "$MAINPID")
    server = start(serve, listener)
    before = children_of(server)
    front = nginx("nginx/upstream-unix.conf", f"unix:{listener.getsockname()}")
    with Callers(front.port) as kept, Callers(front.port, kept=False) as others:
        kept.wait_for(50)
        server.signal(signal.SIGHUP)
        until(lambda: len(children_of(server)) == len(before) and not children_of(server) & before)
        reloaded = children_of(server)
        kept.wait_for(50)
        others.wait_for(50)
        assert server.terminate() == 0
        again = start(serve, listener)
        kept.wait_for(50)
        others.wait_for(50)
    for callers in (kept, others):
        assert callers.failures == []
        pids = {int(answer) for answer in callers.answers}
        assert pids <= before | reloaded | children_of(again)
        assert pids & reloaded
