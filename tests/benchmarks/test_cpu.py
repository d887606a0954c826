import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.cpu import PROC, clock_seconds, cpu_seconds, family, from_ps, machine_seconds

BURN = "import sys, time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\nsys.stdin.read()"
PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A process whose child has used a fifth of a second of CPU, and waits."""
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Let the child read the end of its input, and both leave."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def test_child_processes_count(parent: subprocess.Popen[bytes]) -> None:
    """A server that serves from a child process is charged for the child."""
    pids = family(parent.pid)
    assert len(pids) == 2
    assert cpu_seconds(pids[1:]) >= 0.15


@pytest.mark.skipif(not PROC.exists(), reason="there is no /proc")
def test_the_machine_uses_at_least_what_a_process_uses(parent: subprocess.Popen[bytes]) -> None:
    """The CPU time of the machine contains that of each process, but for rounding to ticks."""
    assert machine_seconds() >= cpu_seconds(family(parent.pid)) - 0.1


def test_an_ended_process_is_an_error(parent: subprocess.Popen[bytes]) -> None:
    """A sum without a process that has ended would be too small, so there is none."""
    pids = family(parent.pid)
    end(parent)
    with pytest.raises(ProcessLookupError, match=str(parent.pid)):
        cpu_seconds(pids)


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00:07", 7), ("0:01.25", 1.25), ("01:00:01", 3601), ("2-00:00:03", 172803)]
)
def test_times_of_ps(text: str, seconds: float) -> None:
    """`ps` prints CPU time with hundredths on macOS, and with days on Linux when there are many."""
    assert clock_seconds(text) == seconds


@pytest.mark.skipif(os.name != "posix", reason="there is no ps")
def test_ps_knows_this_process() -> None:
    """Without /proc the table comes from `ps`."""
    assert from_ps()[os.getpid()].parent == os.getppid()
