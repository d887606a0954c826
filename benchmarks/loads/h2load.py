"""h2load as the load generator for HTTP/2: a client in C, so that it is not what limits a server.

It checks the status of each answer, and counts the bytes of the bodies without looking at them.
"""

import contextlib
import re
import resource
import shutil
import subprocess
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from benchmarks.cpu import family
from benchmarks.loads.outcome import Outcome, Reading
from benchmarks.loads.plan import PATIENCE, Multiplexed, Plan

_COUNTS = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_STATUSES = re.compile(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")
_BODIES = re.compile(r"\((\d+)\) data")


@dataclass(frozen=True)
class Report:
    """What h2load has counted."""

    answers: int
    errors: int
    size: int  # bytes of all bodies

    @classmethod
    def read(cls, text: str) -> "Report":
        """Find the counts in what it has printed; zeros where it says nothing."""
        counts, statuses, bodies = (each.search(text) for each in (_COUNTS, _STATUSES, _BODIES))
        answers, *failures = map(int, counts.groups()) if counts else (0,)
        wrong = map(int, statuses.groups()) if statuses else ()
        return cls(answers, sum(failures) + sum(wrong), int(bodies[1]) if bodies else 0)

    def complaints(self, load: Multiplexed) -> list[str]:
        """Say what is wrong with it.

        When the time is up, what has come of the answers under way has been counted, too.
        """
        if self.errors:
            return [f"h2load counted {self.errors} errors"]
        under_way = 0 if load.requests else load.connections * load.streams
        if not self.answers * load.size <= self.size <= (self.answers + under_way) * load.size:
            return [f"h2load counted {self.size} bytes in {self.answers} answers of {load.size}"]
        return []


def measure(plan: Plan, load: Multiplexed) -> Outcome:
    """Warm the server up, then load it with one thread of h2load, and take the CPU times around that."""
    _run(plan.port, replace(load, requests=load.connections) if load.requests else load, plan.warm_up)
    pids = family(plan.pid)
    start, used = Reading.take(0, pids), _children()
    report = _run(plan.port, load, plan.seconds)
    end, used = Reading.take(report.answers, pids), _children() - used
    outcome = start.until(end, report.complaints(load), {"bytes": float(report.size)})
    return replace(outcome, client_cpu=used, other_cpu=max(0.0, outcome.other_cpu - used))


@contextlib.contextmanager
def needed() -> Generator[Mapping[str, str]]:
    """Be the environment of works that h2load measures; `OSError` where it is not installed."""
    if shutil.which("h2load") is None:
        raise OSError("h2load is not installed (Debian has it in nghttp2-client)")
    yield {}


def _run(port: int, load: Multiplexed, seconds: float) -> Report:
    length = (
        ["--requests", str(load.requests)] if load.requests else ["--duration", f"{seconds * 1000:.0f}ms"]
    )
    command = ["h2load", "--threads", "1", "--clients", str(load.connections)]
    command += ["--max-concurrent-streams", str(load.streams), "--connection-active-timeout", "0"]
    command += ["--connection-inactivity-timeout", f"{PATIENCE:.0f}", *length]
    return Report.read(subprocess.check_output([*command, f"http://127.0.0.1:{port}{load.path}"], text=True))


def _children() -> float:
    """CPU seconds of the processes that have been started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
