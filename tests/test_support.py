"""The tests' own tools: what they promise other tests."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.groups import living_in_group
from tests.support.needs import require_module, require_program
from tests.support.process import LeakedProcess, ServerProcess, option_arguments, start_server
from tests.support.sockets import raw
from tests.support.waiting import until

IGNORES_SIGTERM = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("hybrid: listening on http://127.0.0.1:1", file=sys.stderr, flush=True)
time.sleep(60)
"""

LEAVES_A_CHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stderr=subprocess.DEVNULL)
print("hybrid: listening on http://127.0.0.1:1", file=sys.stderr, flush=True)
"""

KILLS_ITS_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("hybrid: listening on http://127.0.0.1:1", file=sys.stderr, flush=True)
child.kill()
"""


def imitation(folder: Path, code: str) -> ServerProcess:
    """Start a program that takes the place of `hybrid`."""
    (folder / "hybrid.py").write_text(code)
    return start_server(cwd=folder, env={"PYTHONPATH": str(folder)})


@contextmanager
def listener(answer: bytes, *, read_first: int, close: bool = True) -> Iterator[int]:
    """Accept one client, read at least so many bytes, answer, and close or wait; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_one, args=(server, answer, read_first, close))
        thread.start()
        yield server.getsockname()[1]
        thread.join(20)
        assert not thread.is_alive()


def answer_one(server: socket.socket, answer: bytes, read_first: int, close: bool) -> None:
    """Serve the one client of :func:`listener` (runs on its thread)."""
    client, _ = server.accept()
    with client:
        received = 0
        while received < read_first:
            received += len(client.recv(65536))
        client.sendall(answer)
        if not close:
            client.recv(1)  # until the other side closes


def test_raw_reads_until_close() -> None:
    """`raw` gives everything that came before the server closed."""
    with listener(b"answer" * 1000, read_first=4) as port:
        assert raw(port, b"data") == b"answer" * 1000


def test_raw_reads_until_a_mark() -> None:
    """With `until`, `raw` does not wait for the server to close."""
    with listener(b"head\r\n\r\nbody", read_first=4, close=False) as port:
        assert raw(port, b"data", until=b"body") == b"head\r\n\r\nbody"


def test_raw_survives_a_server_that_stops_reading() -> None:
    """A server that answers and closes before it has read everything is no error."""
    with listener(b"", read_first=1) as port:
        assert raw(port, b"x" * 10_000_000) == b""


def test_raw_fails_at_the_deadline() -> None:
    """A server that says nothing more fails the test, with what it said."""
    with (
        listener(b"part", read_first=4, close=False) as port,
        pytest.raises(AssertionError, match="did not end in time; received b'part'"),
    ):
        raw(port, b"data", deadline=2)  # in which the listener's thread has its turn


def test_option_arguments() -> None:
    """Options are written as a user types them."""
    arguments = option_arguments({"ws_max_size": 5, "access_log": False})
    assert arguments == ["--ws-max-size=5", "--no-access-log"]


def test_server_that_fails_to_start(tmp_path: Path) -> None:
    """A server that ends before it listens fails at once, with what it wrote."""
    with pytest.raises(AssertionError, match=r"exit code 5> ended without (.|\n)*went wrong"):
        imitation(tmp_path, "import sys; print('went wrong', file=sys.stderr); sys.exit(5)")


def test_server_that_does_not_stop(tmp_path: Path) -> None:
    """A server that SIGTERM does not end is killed, and that is a failure."""
    server = imitation(tmp_path, IGNORES_SIGTERM)
    with pytest.raises(AssertionError, match="did not end"):
        server.terminate(timeout=0.2)
    server.kill()
    with pytest.raises(LeakedProcess, match="had to be killed"):
        server.close()
    assert not server.running


def test_server_that_leaves_a_child(tmp_path: Path) -> None:
    """A child that outlives the server is killed, and that is a failure."""
    server = imitation(tmp_path, LEAVES_A_CHILD)
    with pytest.raises(LeakedProcess, match="left a child"):
        server.close()


def test_server_that_has_killed_its_child(tmp_path: Path) -> None:
    """A child that is dead is not left running, although nobody has taken note of its end."""
    with imitation(tmp_path, KILLS_ITS_CHILD) as server:
        assert server.wait() == 0


def test_living_in_group() -> None:
    """Those that run are, those that were killed are not: neither before they have noticed nor afterwards."""
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(60)"
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen([sys.executable, "-c", code, *sleep], start_new_session=True) as process:
        until(lambda: len(living_in_group(process.pid)) == 2)
        assert process.pid in living_in_group(process.pid)
        process.send_signal(signal.SIGSTOP)
        assert len(living_in_group(process.pid)) == 2
        os.killpg(process.pid, signal.SIGKILL)
        assert living_in_group(process.pid) == []
    assert living_in_group(process.pid) == []


def test_what_is_missing_fails_in_ci_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test needs is a failure in CI, and a skip with its reason elsewhere."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        require_program("no-such-program")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no_such_module is missing on this machine"):
        require_module("no_such_module")


def test_what_is_there_is_found() -> None:
    """A program that is installed is found by its path, under the first name that fits."""
    assert Path(require_program("no-such-program", "sh")).name == "sh"
    require_module("pytest")
