"""The file with the process id, of one process and of several."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.errors import BindError
from hybrid.server.pidfile import is_running, pid_file
from tests.support.control import as_stranger
from tests.support.process import APPS, Serve, run_hybrid
from tests.support.waiting import children_of, poll


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a place for the file."""
    return tmp_path / "server.pid"


def ended_process() -> int:
    """Give the id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def test_it_is_there_while_the_block_runs(file: Path) -> None:
    """For everybody to read, and gone afterwards, with nothing left beside it."""
    with pid_file(file):
        assert file.read_text() == f"{os.getpid()}\n"
        assert file.stat().st_mode & 0o777 == 0o644
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize(
    "left",
    ["", "nonsense", "-1", "0", f"{os.getpid()}\n", None],
    ids=["empty", "text", "minus", "zero", "own", "none"],
)
def test_a_stale_file_is_replaced(file: Path, left: str | None) -> None:
    """One that names no process, or one that has ended."""
    file.write_text(f"{ended_process()}\n" if left is None else left)
    with pid_file(file):
        assert file.read_text() == f"{os.getpid()}\n"


def test_a_running_process_keeps_its_file(file: Path) -> None:
    """Nothing is started, and the file stays as it is."""
    file.write_text(f"{os.getppid()}\n")
    with pytest.raises(BindError, match=rf"^pidfile: process {os.getppid()}, which .* is running$"):
        pid_file(file).__enter__()
    assert file.read_text() == f"{os.getppid()}\n"


def test_the_file_of_another_server_is_left_alone(file: Path) -> None:
    """One that has been put there meanwhile."""
    with pid_file(file):
        file.write_text("1\n")
    assert file.read_text() == "1\n"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigError, match=r"^pidfile: .*gone/x cannot be written"):
        pid_file(tmp_path / "gone" / "x").__enter__()


@pytest.mark.parametrize("options", [{}, {"workers": 2}, {"reload": True}])
def test_a_server_has_one(serve: Serve, file: Path, options: dict[str, object]) -> None:
    """It names the process that takes signals, a second server is refused, and it goes at the end."""
    server = serve("processes:app", pid=file, **options)
    assert poll(lambda: file.exists() and file.read_text() == f"{server.pid}\n")
    arguments = [f"--{name}={value}" if value is not True else f"--{name}" for name, value in options.items()]
    second = run_hybrid(
        "serve", "--port=0", f"--pid={file}", *arguments, f"--app-dir={APPS}", "processes:app"
    )

    assert (second.returncode, second.stderr.count("\n")) == (1, 1), second.stderr
    assert f"pidfile: process {server.pid}, which" in second.stderr
    assert server.terminate() == 0
    assert not file.exists()


def test_usr2_has_a_second_one(serve: Serve, file: Path) -> None:
    """The process that is to replace the first one has its own file until the first one has gone."""
    server = serve("processes:app", pid=file, workers=2)
    server.wait_for_stderr(f"process {server.pid} has 2 workers")
    old = children_of(server)
    server.signal(signal.SIGUSR2)
    second = file.with_name("server.pid.2")
    assert poll(second.exists)

    new = (children_of(server) - old).pop()
    assert second.read_text() == f"{new}\n"
    server.wait_for_stderr(f"process {new} has 2 workers")
    os.kill(new, signal.SIGTERM)
    assert poll(lambda: not second.exists())
    assert file.read_text() == f"{server.pid}\n"


def test_whether_a_process_runs() -> None:
    """One of another user's does too."""
    assert is_running(os.getpid())
    assert not is_running(ended_process())
    own = os.getpid()
    assert as_stranger(lambda: str(is_running(own))) == "True"
