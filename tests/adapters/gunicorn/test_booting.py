"""A server with workers that is told to stop while it boots: it stops, soon, and leaves nothing."""

import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.gunicorn import GunicornProcess, start_gunicorn
from tests.support.process import APPS, ROOT, ServerProcess, option_arguments
from tests.support.waiting import children_of, until

WORKER = "hybrid.adapters.gunicorn.HybridWorker"
STOPPING = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]
BOTH_IMPORT = re.compile("the import begins\n(.|\n)*the import begins\n")


class HeldServe(ServerProcess):
    """`hybrid serve` that waits before it handles signals: see `tests/apps/held_start.py`."""

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [sys.executable, str(APPS / "held_start.py"), "serve", *option_arguments(options), *targets]


def two(target: str, cwd: Path, env: Mapping[str, str] | None = None, path: Path = APPS) -> GunicornProcess:
    """Start gunicorn with two workers of ours, which may not serve yet; it must be closed."""
    return start_gunicorn(target, cwd=cwd, env=env, workers=2, worker_class=WORKER, pythonpath=path)


def pending(pid: int) -> set[int]:
    """Return the signals that wait for a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd:", "ShdPnd:"))]
    return {number for number in range(1, signal.NSIG) if any(mask & 1 << number - 1 for mask in masks)}


@pytest.mark.parametrize("number", STOPPING)
def test_a_worker_that_cannot_listen_yet_hears_of_it(tmp_path: Path, number: signal.Signals) -> None:
    """Under gunicorn, a worker that is told to stop before it has handlers ends once it has them; what its
    hooks start meanwhile hears of signals as always.
    """
    (tmp_path / "gunicorn.conf.py").write_text(
        """
import subprocess, sys, time
from hybrid.adapters.gunicorn.forking import NEXT_FORK
def post_fork(server, worker):
    started = subprocess.Popen(["sleep", "60"])
    started.terminate()
    started.wait()
    sys.stderr.write("forked\\n")
    sys.stderr.flush()
    while not NEXT_FORK.noted:
        time.sleep(0.01)
""",
        encoding="utf-8",
    )
    with two("hello_wsgi:app", tmp_path) as server:
        server.wait_for_stderr(re.compile("forked\n(.|\n)*forked\n"))
        workers = children_of(server)
        server.signal(number)
        assert server.wait() == 0

    assert len(workers) == 2
    assert "SIGKILL" not in server.stderr
    assert "Worker serving" not in server.stderr


@pytest.mark.parametrize("number", STOPPING)
def test_nothing_is_left_of_a_server_that_had_no_workers_yet(tmp_path: Path, number: signal.Signals) -> None:
    """A signal that comes when the sockets are open is handled once there are handlers: the files go."""
    options = {"workers": 2, "uds": tmp_path / "socket", "control": tmp_path / "control", "app_dir": APPS}
    env = {"HELD": str(tmp_path / "go"), "PYTHONPATH": str(ROOT)}
    with HeldServe(["hello_wsgi:app"], options, cwd=tmp_path, env=env) as server:
        server.wait_for_stderr("bound")
        assert (tmp_path / "socket").exists()
        server.signal(number)
        until(lambda: number in pending(server.pid))
        (tmp_path / "go").touch()
        assert server.wait() == (130 if number == signal.SIGQUIT else 0)

    assert not (tmp_path / "socket").exists()
    assert list((tmp_path / "control").iterdir()) == []
    assert "Traceback" not in server.stderr


@pytest.mark.parametrize("how", ["waits", "catches", "thread"])
@pytest.mark.parametrize("number", STOPPING)
def test_an_import_is_not_waited_for_under_gunicorn(tmp_path: Path, number: signal.Signals, how: str) -> None:
    """A worker that imports ends at once, or, where modules hold it up, soon; gunicorn kills nobody."""
    with two("slow_import:app", tmp_path, {"IMPORT": how}) as server:
        server.wait_for_stderr(BOTH_IMPORT)
        server.signal(number)
        assert server.wait() == 0

    assert "SIGKILL" not in server.stderr
    assert "Traceback" not in server.stderr


@pytest.mark.parametrize("how", ["waits", "catches", "thread", "deaf"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_import_is_not_waited_for(tmp_path: Path, number: signal.Signals, how: str) -> None:
    """The same of `hybrid serve --workers`, which kills after seconds what does not even hear of it."""
    options = {"workers": 2, "uds": tmp_path / "socket", "control": tmp_path / "control", "app_dir": APPS}
    with ServerProcess(["slow_import:app"], options, cwd=tmp_path, env={"IMPORT": how}) as server:
        server.wait_for_stderr(BOTH_IMPORT)
        server.signal(number)
        assert server.wait() == 0

    assert not (tmp_path / "socket").exists()
    assert list((tmp_path / "control").iterdir()) == []
    assert ("SIGKILL" in server.stderr) == (how == "deaf")
    assert "Traceback" not in server.stderr


def test_what_an_import_makes_of_its_end_is_no_failure(tmp_path: Path) -> None:
    """A module that turns SystemExit into an exception of its own is not an application that cannot boot."""
    (tmp_path / "wraps.py").write_text(
        """
import sys, threading
try:
    sys.stderr.write("the import begins\\n")
    sys.stderr.flush()
    threading.Event().wait()
except BaseException as error:
    raise ImportError("no wonder") from error
""",
        encoding="utf-8",
    )
    with two("wraps:app", tmp_path, path=tmp_path) as server:
        server.wait_for_stderr(BOTH_IMPORT)
        assert server.terminate() == 0

    assert "no wonder" not in server.stderr
