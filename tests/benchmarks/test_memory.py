import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks import memory
from benchmarks.cpu import PROC
from benchmarks.memory import PeakMemory

SIZE = 64 << 20
GROW = f"""
import sys
for line in sys.stdin:
    bytearray(b'x') * {SIZE}
    print(flush=True)
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that takes memory, and gives it back, for each line that it reads."""
    command = [sys.executable, "-c", GROW]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        grow(process)  # whatever it needs once
        yield process
        assert process.stdin is not None
        process.stdin.close()


def grow(process: subprocess.Popen[str]) -> None:
    """Let the process take memory and give it back."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()


@pytest.mark.skipif(not (PROC / "self" / "clear_refs").exists(), reason="the system keeps no peak")
def test_a_peak_is_seen_although_the_memory_was_given_back(child: subprocess.Popen[str]) -> None:
    """The peak counts since the meter was made, and not what was before."""
    meter = PeakMemory([child.pid])
    assert meter.growth() < SIZE / 2
    grow(child)
    assert meter.growth() > SIZE / 2
    assert PeakMemory([child.pid]).growth() < SIZE / 2


def test_there_is_no_number_where_the_system_keeps_no_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target is then not reached, rather than reached by chance."""
    monkeypatch.setattr(memory, "PROC", PROC / "no such folder")
    assert not PeakMemory([1]).growth() <= 0
