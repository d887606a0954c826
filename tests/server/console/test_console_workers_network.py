"""The console of servers with workers, while these come and go: who answers there, and whether it is true."""

import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

pytest.importorskip("prometheus_client")
if sys.platform == "win32":
    pytest.skip("there are no workers", allow_module_level=True)

from tests.support.console import ask, metrics_of
from tests.support.groups import living_in_group
from tests.support.process import APPS, Serve, ServerProcess
from tests.support.waiting import asking, children_of, get, until

#: Enough for each of the processes to have accepted some.
MANY = 8


@pytest.fixture(autouse=True)
def _first(control_folder: Path) -> None:
    """Have the folder before the servers, which are to leave nothing in it."""


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """Make the file that keeps requests from being answered."""
    file = tmp_path / "held"
    file.touch()
    return file


def two(serve: Serve, folder: Path, **options: object) -> ServerProcess:
    """Start a server with two workers, both of which tell their figures."""
    server = serve("counted:app", control=folder, workers=2, ops="127.0.0.1:0", **options)
    until(lambda: processes(server) == 2)
    return server


def processes(server: ServerProcess) -> float:
    """Return how many processes have told their figures."""
    return metrics_of(server)["hybrid_processes", ""]


def health(server: ServerProcess) -> set[int]:
    """Ask often whether the server is ready, and return what there was of answers."""
    return {ask(server, "/health/ready").status_code for _ in range(MANY)}


def main_processes(folder: Path) -> set[int]:
    """Return the ids of the servers that have a directory."""
    return {int(each.name) for each in folder.iterdir()}


def upgrade(server: ServerProcess, folder: Path) -> int:
    """Have the server start another one on the same sockets; return the id of that, once it serves."""
    server.signal(signal.SIGUSR2)
    until(lambda: server.stderr.count("has 2 workers") == 2)
    (new,) = main_processes(folder) - {server.pid}
    return new


def test_an_upgrade(serve: Serve, control_folder: Path, held: Path) -> None:
    """Both answer; while the old one drains nobody is told that the server is not ready; and in the end the
    new one tells its own figures alone, and nothing is left of the old one.
    """
    server = two(serve, control_folder, env={"RELEASE": str(held)})
    old_workers = children_of(server)
    with asking(server, "/held") as client:
        until(lambda: metrics_of(server).get(("hybrid_requests_in_flight", "")) == 1)
        new = upgrade(server, control_folder)
        assert health(server) == {200}
        server.signal(signal.SIGTERM)
        until(lambda: server.stderr.count("stopping: not ready") == 2)
        assert health(server) == {200}
        held.unlink()
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    until(lambda: not server.running)
    until(lambda: main_processes(control_folder) == {new})
    assert processes(server) == 2
    told = {each["pid"] for each in ask(server, "/status").json()["processes"]}
    assert not told & old_workers
    assert metrics_of(server)["hybrid_workers_started_total", ""] == 2
    os.kill(new, signal.SIGTERM)
    until(lambda: not living_in_group(server.pid))
    assert "Warning" not in server.stderr


def test_an_upgrade_that_is_taken_back(serve: Serve, control_folder: Path) -> None:
    """The new server goes, with its directory, and the old one is ready all the time."""
    server = two(serve, control_folder, shutdown_delay=1)
    os.kill(upgrade(server, control_folder), signal.SIGTERM)
    server.wait_for_stderr("stopping: not ready")
    assert health(server) == {200}
    until(lambda: main_processes(control_folder) == {server.pid})
    assert health(server) == {200}
    assert processes(server) == 2
    assert server.terminate() == 0


def test_more_and_fewer_workers(serve: Serve, control_folder: Path) -> None:
    """SIGTTIN, SIGTTOU and a killed worker: how many there are is told, and what they have done together."""
    server = two(serve, control_folder)
    for _ in range(MANY):
        get(server, "/")
    server.signal(signal.SIGTTIN)
    until(lambda: processes(server) == 3)
    server.signal(signal.SIGTTOU)
    until(lambda: processes(server) == 2 and len(children_of(server)) == 2)
    assert health(server) == {200}
    os.kill(min(children_of(server)), signal.SIGKILL)
    until(lambda: metrics_of(server)["hybrid_workers_failed_total", ""] == 1)
    until(lambda: processes(server) == 2)
    found = metrics_of(server)
    assert found["hybrid_requests_total", "200"] == MANY
    assert found["hybrid_workers_started_total", ""] == 4
    assert found["hybrid_processes_ready", ""] == 2
    assert found["hybrid_processes_missing", ""] == 0


def test_a_worker_whose_loop_is_held(serve: Serve, control_folder: Path) -> None:
    """The others answer in its place, that the server is ready, and that it is missing."""
    server = two(serve, control_folder, timeout_worker_healthcheck=600)
    stopped = max(children_of(server))
    os.kill(stopped, signal.SIGSTOP)
    try:
        assert health(server) == {200}
        assert metrics_of(server)["hybrid_processes_missing", ""] == 1
    finally:
        os.kill(stopped, signal.SIGCONT)
    until(lambda: metrics_of(server)["hybrid_processes_missing", ""] == 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_while_the_applications_start(
    serve: Serve, control_folder: Path, held: Path, tmp_path: Path, workers: int
) -> None:
    """Nobody is told that the server is ready: nobody answers."""
    path = control_folder / "ops.sock"
    options = {"ops": f"unix:{path}", "control": control_folder, "workers": workers, "port": 0}
    env = {"RELEASE": str(held)}
    with (
        ServerProcess(["counted:starting"], {**options, "app_dir": APPS}, cwd=tmp_path, env=env) as server,
        httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)), base_url="http://x", timeout=0.3
        ) as client,
    ):
        server.wait_for_stderr("the application starts")
        if workers == 1:
            assert not path.exists()
        else:  # the process over the workers has opened it
            with pytest.raises(httpx.ReadTimeout):
                client.get("/health/ready")
        held.unlink()
        server.wait_until_listening()
        client.timeout = httpx.Timeout(20)
        assert client.get("/health/ready").status_code == 200
        assert server.terminate() == 0
