"""The end of a process that threads would keep alive."""

import subprocess
import sys
import threading

import pytest

from hybrid.server.watchdog import end_despite_threads
from tests.support.process import DEADLINE, process_environment

#: A process whose main thread ends while another one, which is no daemon, does THREAD.
PROGRAM = """
import sys, threading
from hybrid.server.watchdog import end_despite_threads
release = threading.Event()
threading.Thread(target={work}, name="the stuck one").start()
end_despite_threads(7, {seconds})
print("the main thread has ended", flush=True)
{last}
"""


def run(work: str, seconds: float, last: str = "sys.exit(7)") -> subprocess.CompletedProcess[str]:
    """Run a process that leaves a thread behind."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work=work, seconds=seconds, last=last)],
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_thread_that_does_not_end() -> None:
    """A thread that never ends is named and left, with the exit code that was asked for."""
    done = run("release.wait", 1.0)  # enough for the main thread to say its last word
    assert (done.returncode, done.stdout) == (7, "the main thread has ended\n")
    assert done.stderr == "hybrid: not waiting for threads that do not end: the stuck one\n"


def test_thread_that_ends_in_time() -> None:
    """A thread that ends by itself is waited for as always."""
    done = run(
        "lambda: (release.wait(), print('and so has the other'))", DEADLINE, "release.set(); sys.exit(3)"
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == "the main thread has ended\nand so has the other\n"


def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can keep the process alive, nothing watches."""
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.main_thread()])
    monkeypatch.setattr(threading, "Thread", None)
    end_despite_threads(0)


def test_whatever_it_does() -> None:
    """A process that is to end in any case ends, though it has caught what was to end it, and waits."""
    program = "import threading; from hybrid.server.watchdog import end_anyway; end_anyway(7, 0.1); "
    done = subprocess.run(
        [sys.executable, "-c", f"{program}print('it goes on'); threading.Event().wait()"],
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "it goes on\n", "")


@pytest.mark.parametrize("gone", ["os.close(1)", "sys.stdout.close()", "sys.stdout = None"])
def test_whatever_has_become_of_its_output(gone: str) -> None:
    """It ends although its last words can go nowhere."""
    program = (
        "import os, sys, threading; from hybrid.server.watchdog import end_anyway; "
        f"sys.stdout.write('unsent'); {gone}; end_anyway(7, 0.1); threading.Event().wait()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, "")
