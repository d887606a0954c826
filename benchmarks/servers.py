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
from pathlib import Path
from typing import IO

from benchmarks.cpu import family

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 20.0
STOP_TIMEOUT = 5.0


class ServerError(Exception):
    """A server that did not come up, with the last line that it printed."""


def free_port() -> int:
    """Let the system pick a TCP port that is free now; not every peer can say what it got for port 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def separate_cpus() -> frozenset[int]:
    """Keep this process and its load generators on one CPU, and return the others, which are for servers.

    A scheduler that puts a server now beside its client and now on a CPU of its own makes the same server cost
    twice as much in one round as in the next. Empty, with nothing changed, where there is one CPU or no choice.
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
) -> Generator[int]:
    """Run `python -m module…` from the root of the checkout while the block runs; gives its process id.

    It runs on `cpus`, or where the system puts it when there are none. Raises `ServerError` when it ends, or accepts no connection on `port` within `START_TIMEOUT` seconds.
    """
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", *module]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        if cpus:
            os.sched_setaffinity(process.pid, cpus)
        try:
            _wait_until_open(process, port, output)
            yield process.pid
        finally:
            _end(process)


def _wait_until_open(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    reason = "it accepts no connection" if process.returncode is None else f"exit code {process.returncode}"
    raise ServerError(f"did not start ({reason}): {lines[-1] if lines else 'no output'}")


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
