"""Starting a server for a measurement and ending it, by its own process id."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.cpu import family

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 20.0
STOP_TIMEOUT = 5.0


class ServerError(Exception):
    """A server that did not come up, with the last line that it printed."""


@dataclass(frozen=True)
class Server:
    """A server under measurement: its process id and the file that takes what it prints."""

    pid: int
    output: IO[bytes]

    def last_line(self) -> str:
        """What it printed last, for a message about its failure."""
        self.output.seek(0)
        lines = self.output.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it printed nothing")


def free_port() -> int:
    """Let the system pick a TCP port that is free now; not every peer can say what it got for port 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def separate_cpus() -> frozenset[int]:
    """Keep this process and its load generators on one CPU, and return the others, which are for servers.

    Left to itself, the system puts a server now beside its client and now on a CPU of its own, and the same
    server costs up to twice as much in one round as in the next. Empty, with nothing changed, where there is
    one CPU or no choice.
    """
    if not hasattr(os, "sched_setaffinity"):
        return frozenset()
    *servers, client = sorted(os.sched_getaffinity(0))
    if servers:
        os.sched_setaffinity(0, {client})
    return frozenset(servers)


@contextlib.contextmanager
def running(
    module: Sequence[str], port: int, environment: Mapping[str, str], cpus: frozenset[int] = frozenset()
) -> Generator[Server]:
    """Run `python -m module…` from the root of the checkout while the block runs.

    It runs on `cpus`, or where the system puts it when there are none. Raises `ServerError` when it ends, or
    accepts no connection on `port` within `START_TIMEOUT` seconds.
    """
    with spawned(module, environment, cpus) as (process, server):
        _wait_until_open(process, port, server)
        yield server


@contextlib.contextmanager
def spawned(
    module: Sequence[str], environment: Mapping[str, str], cpus: frozenset[int]
) -> Generator[tuple[subprocess.Popen[bytes], Server]]:
    """Run `python -m module…` as `running` does, without waiting for anything."""
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", *module]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        if cpus:
            os.sched_setaffinity(process.pid, cpus)
        try:
            yield process, Server(process.pid, output)
        finally:
            _end(process)


def _wait_until_open(process: subprocess.Popen[bytes], port: int, server: Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    reason = "it accepts no connection" if process.returncode is None else f"exit code {process.returncode}"
    raise ServerError(f"did not start ({reason}): {server.last_line()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    children = family(process.pid)[1:]
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
