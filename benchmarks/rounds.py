"""Measuring the contestants of a work in turn, round after round, on the same machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.calls import measure_calls
from benchmarks.contestants import Contestant
from benchmarks.loads import wrk
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import PATIENCE, Calls, Plan, Start, Steady
from benchmarks.servers import ROOT, ServerError, free_port, running
from benchmarks.start import measure_start
from benchmarks.work import Work

SLOWEST = 12  # times as long as planned, at most, is how long a measurement takes


@dataclass(frozen=True)
class Settings:
    """How to measure: each contestant `rounds` times for `seconds`, each time after `warm_up` seconds.

    Without rounds or seconds, they are those of the work. `client` is "own" or "wrk"; servers run on
    `server_cpus`, or anywhere when there are none.
    """

    rounds: int | None = None
    seconds: float | None = None
    warm_up: float = 0.5
    client: str = "own"
    server_cpus: frozenset[int] = frozenset()

    def rounds_of(self, work: Work) -> int:
        """How many rounds the work gets."""
        return self.rounds or work.rounds

    def seconds_of(self, work: Work) -> float:
        """How long one measurement of the work lasts."""
        return self.seconds or work.seconds


@dataclass
class Entry:
    """A contestant's results: one outcome per round; or the packages it misses, or how it failed."""

    contestant: Contestant
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    missing: list[str] = field(default_factory=list[str])
    failure: str = ""


def measure_work(work: Work, settings: Settings, tell: Callable[[str], None]) -> list[Entry]:
    """Measure hybrid and its peers A B C A B C …; the first entry is hybrid's.

    A contestant that fails or whose answers are wrong is left out of the rounds that follow.
    """
    entries = [Entry(contestant) for contestant in (work.hybrid, *work.peers)]
    for entry in entries:
        entry.missing = entry.contestant.missing()
    rounds = settings.rounds_of(work)
    with ExitStack() as stack:
        try:
            variables = stack.enter_context(work.environment())
        except OSError as error:  # no room on the disk, say: other works go on
            for entry in entries:
                entry.failure = f"the work cannot be prepared: {error}"
        for turn in range(rounds):
            for entry in _still_running(entries):
                tell(f"{work.name}: round {turn + 1} of {rounds}, {entry.contestant.name}")
                _measure_once(work, entry, settings, variables)
    return entries


def _still_running(entries: list[Entry]) -> Iterator[Entry]:
    return (entry for entry in entries if not entry.missing and not entry.failure)


def _measure_once(work: Work, entry: Entry, settings: Settings, variables: Mapping[str, str]) -> None:
    cpus = settings.server_cpus
    try:
        if isinstance(work.load, Start):
            outcome = measure_start(entry.contestant, work.load, variables, cpus)
        elif isinstance(work.load, Calls):
            outcome = measure_calls(entry.contestant, variables, settings.seconds_of(work), cpus)
        else:
            outcome = _measure_running(work, entry.contestant, settings, variables)
    except ServerError as error:
        entry.failure = str(error)
    else:
        entry.outcomes.append(outcome)


def _measure_running(
    work: Work, contestant: Contestant, settings: Settings, variables: Mapping[str, str]
) -> Outcome:
    port = free_port()
    environment = {**contestant.environment(), **variables}
    cpus = settings.server_cpus
    if work.every_cpu and cpus:
        cpus |= os.sched_getaffinity(0)
    with running(contestant.command(port, variables), port, environment, cpus) as server:
        outcome = _load(work, settings, server.pid, port)
        if outcome.errors or not outcome.answers:
            reason = outcome.first_error or "no answers"
            raise ServerError(f"{reason}; the server's last line: {server.last_line()}")
        return outcome


def _load(work: Work, settings: Settings, pid: int, port: int) -> Outcome:
    plan = Plan(pid, port, settings.warm_up, settings.seconds_of(work), work.load)
    if settings.client == "wrk" and isinstance(work.load, Steady):
        return wrk.measure(plan, work.load)
    return _own_client(plan)


def _own_client(plan: Plan) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.loads", plan.to_json()]
    limit = SLOWEST * (plan.warm_up + plan.seconds) + 4 * PATIENCE
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise ServerError(f"load generator: not done after {limit:.0f} s") from None
    if result.returncode != 0:
        raise ServerError(f"load generator: {result.stderr.strip().splitlines()[-1]}")
    return Outcome(**json.loads(result.stdout))
