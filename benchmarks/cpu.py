"""CPU time that a server used, read from outside: user and system time of a process and all below it."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Process(NamedTuple):
    """One process as the system lists it: its parent's id, and the CPU seconds of all its threads so far."""

    parent: int
    seconds: float


def family(root: int) -> list[int]:
    """Find the process `root` and its descendants, for servers that serve from a child process."""
    table = _processes()
    members = [root]
    for member in members:
        members.extend(pid for pid, process in table.items() if process.parent == member)
    return members


def cpu_seconds(pids: Iterable[int]) -> float:
    """Add up user and system time of the processes, in seconds.

    The resolution is that of the system's accounting: a clock tick, usually 10 ms. Raises
    `ProcessLookupError` when one of them has ended, since a sum without it would be too small.
    """
    wanted = list(pids)
    table = _processes(wanted)
    for pid in wanted:
        if pid not in table:
            raise ProcessLookupError(f"process {pid} has ended")
    return sum(table[pid].seconds for pid in wanted)


def machine_seconds() -> float:
    """CPU seconds that all processes of the machine used since it started; 0 where /proc does not tell."""
    try:
        first = (PROC / "stat").read_text().split("\n", 1)[0]
    except OSError:
        return 0.0
    user, nice, system = (int(field) for field in first.split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def _processes(pids: Iterable[int] | None = None) -> dict[int, Process]:
    if not (PROC / "self" / "stat").exists():
        return from_ps()
    if pids is None:
        pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return {pid: process for pid in pids if (process := _from_proc(pid)) is not None}


def _from_proc(pid: int) -> Process | None:
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the command in parentheses and may itself hold spaces and parentheses (proc(5)).
    fields = text[text.rindex(")") + 2 :].split()
    return Process(int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def from_ps() -> dict[int, Process]:
    """Read `ps`, for systems without /proc such as macOS."""
    try:
        output = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,time="], text=True)
    except FileNotFoundError:
        raise OSError(
            "CPU times of other processes cannot be read here: neither /proc nor ps exists"
        ) from None
    rows = [line.split() for line in output.splitlines()]
    return {int(pid): Process(int(parent), clock_seconds(time)) for pid, parent, time in rows}


def clock_seconds(text: str) -> float:
    """Turn `[[days-]hours:]minutes:seconds[.hundredths]` as `ps` prints it into seconds."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + 86400 * int(days or 0)
