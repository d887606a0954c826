"""Who of a process group is alive, as the system tells (Linux)."""

import os
import signal
from pathlib import Path
from typing import Final

#: In the ninth field of `/proc/PID/stat`: the process is ending (`PF_EXITING` in Linux's `sched.h`).
_EXITING: Final = 0x4
_KILLED: Final = 1 << (signal.SIGKILL - 1)


def living_in_group(group: int) -> list[int]:
    """Return the ids of the processes of a group that go on, unless somebody ends them.

    Not those that have ended, and only wait for their parent, or for the first process of the system in its
    place, to take note; nor those that were sent SIGKILL, which nothing survives.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return []
    pids = sorted(int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal())
    return [pid for pid in pids if _is_living(pid, group)]


def _is_living(pid: int, group: int) -> bool:
    folder = Path(f"/proc/{pid}")
    try:
        stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        status = (folder / "status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    state, _, of_group, _, _, _, flags, *_ = stat.rpartition(")")[2].split()
    if int(of_group) != group or state in "ZX" or int(flags) & _EXITING:
        return False
    pending = (line.split()[1] for line in status.splitlines() if line.startswith(("SigPnd:", "ShdPnd:")))
    return not any(int(mask, 16) & _KILLED for mask in pending)
