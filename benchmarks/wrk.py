"""wrk as the load generator for HTTP works: a check that our own client is not what limits a server.

wrk checks the status of an answer, but not its body.
"""

import re
import subprocess
import time

from benchmarks.cpu import cpu_seconds, family
from benchmarks.load import Outcome, Plan


def measure(plan: Plan) -> Outcome:
    """Warm the server up, then load it with one wrk thread and take the CPU times around the whole run."""
    _run(plan, plan.warm_up)
    pids = family(plan.pid)
    clock, server_cpu = time.perf_counter(), cpu_seconds(pids)
    report = _run(plan, plan.seconds)
    server_cpu = cpu_seconds(pids) - server_cpu
    seconds = time.perf_counter() - clock
    errors = count_errors(report)
    first_error = f"wrk counted {errors} errors" if errors else ""
    return Outcome(count_answers(report), seconds, server_cpu, 0.0, errors, first_error)


def count_answers(report: str) -> int:
    """The number of responses in what wrk printed; 0 when it says none."""
    found = re.search(r"(\d+) requests in ", report)
    return int(found[1]) if found else 0


def count_errors(report: str) -> int:
    """The number of failed connections, time-outs and answers outside 2xx and 3xx in what wrk printed."""
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    statuses = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    return sum(int(number) for found in (sockets, statuses) if found for number in found.groups())


def _run(plan: Plan, seconds: float) -> str:
    url = f"http://127.0.0.1:{plan.port}/"
    duration = f"{max(1, round(seconds))}s"  # wrk knows whole seconds only
    command = ["wrk", "--threads", "1", "--connections", str(plan.connections), "--duration", duration, url]
    return subprocess.check_output(command, text=True)
