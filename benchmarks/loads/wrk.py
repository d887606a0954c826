"""wrk as the load generator for HTTP works: a check that our own client is not what limits a server.

wrk checks the status of an answer, but not its body. Its own CPU time counts as that of other processes.
"""

import re
import subprocess

from benchmarks.cpu import family
from benchmarks.loads.outcome import Outcome, Reading
from benchmarks.loads.plan import Plan, Steady


def measure(plan: Plan, load: Steady) -> Outcome:
    """Warm the server up, then load it with one wrk thread and take the CPU times around the whole run."""
    url = f"{load.protocol}://127.0.0.1:{plan.port}{load.path}"
    _run(url, load.connections, plan.warm_up)
    pids = family(plan.pid)
    start = Reading.take(0, pids)
    report = _run(url, load.connections, plan.seconds)
    end = Reading.take(count_answers(report), pids)
    errors = count_errors(report)
    return start.until(end, [f"wrk counted {errors} errors"] if errors else [])


def count_answers(report: str) -> int:
    """The number of responses in what wrk printed; 0 when it says none."""
    found = re.search(r"(\d+) requests in ", report)
    return int(found[1]) if found else 0


def count_errors(report: str) -> int:
    """The number of failed connections, time-outs and answers outside 2xx and 3xx in what wrk printed."""
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    statuses = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    return sum(int(number) for found in (sockets, statuses) if found for number in found.groups())


def _run(url: str, connections: int, seconds: float) -> str:
    duration = f"{max(1, round(seconds))}s"  # wrk knows whole seconds only
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", duration, url]
    return subprocess.check_output(command, text=True)
