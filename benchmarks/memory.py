"""Memory that a server used at most, read from outside: resident pages of a process and all below it."""

import math
import re
from collections.abc import Iterable

from benchmarks.cpu import PROC


class PeakMemory:
    """What the processes grew by at most since this was made, in bytes: their resident memory (proc(5)).

    The system keeps the peak itself, so that none is missed between two looks, and forgets it on demand.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)
        self._before = math.nan
        if (PROC / "self" / "clear_refs").exists():
            self._before = sum(_status(pid, "VmRSS") for pid in self._pids)
            for pid in self._pids:
                (PROC / str(pid) / "clear_refs").write_text("5")

    def growth(self) -> float:
        """Return by how much, not a number where the system does not tell."""
        if math.isnan(self._before):
            return math.nan
        return sum(_status(pid, "VmHWM") for pid in self._pids) - self._before


def resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes; raises `OSError` where the system does not tell."""
    return _status(pid, "VmRSS")


def _status(pid: int, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", (PROC / str(pid) / "status").read_text(), re.MULTILINE)
    if found is None:
        raise ProcessLookupError(f"process {pid} has ended")
    return int(found[1]) * 1024
