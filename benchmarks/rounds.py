"""Measuring the contestants of a work in turn, round after round, on the same machine."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from benchmarks import wrk
from benchmarks.contestants import Contestant
from benchmarks.load import PATIENCE, Outcome, Plan
from benchmarks.servers import ROOT, ServerError, free_port, running
from benchmarks.works import Work

REQUESTS = 10_000_000  # no measurement goes on beyond this many answers


@dataclass(frozen=True)
class Settings:
    """How to measure: each contestant `rounds` times for `seconds`, each time after `warm_up` seconds.

    `client` is "own" or "wrk"; servers run on `server_cpus`, or anywhere when there are none.
    """

    rounds: int = 5
    seconds: float = 2.0
    warm_up: float = 0.5
    client: str = "own"
    server_cpus: frozenset[int] = frozenset()


@dataclass
class Entry:
    """A contestant's results: one outcome per round; or the packages it misses, or how it failed."""

    contestant: Contestant
    target: float | None = None
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    missing: list[str] = field(default_factory=list[str])
    failure: str = ""


def measure_work(work: Work, settings: Settings, tell: Callable[[str], None]) -> list[Entry]:
    """Measure hybrid and its peers A B C A B C …; the first entry is hybrid's.

    A contestant that fails or whose answers are wrong is left out of the rounds that follow.
    """
    entries = [Entry(work.hybrid), *(Entry(peer.contestant, peer.target) for peer in work.peers)]
    for entry in entries:
        entry.missing = entry.contestant.missing()
    for turn in range(settings.rounds):
        for entry in _still_running(entries):
            tell(f"{work.name}: round {turn + 1} of {settings.rounds}, {entry.contestant.name}")
            _measure_once(work, entry, settings)
    return entries


def _still_running(entries: list[Entry]) -> Iterator[Entry]:
    return (entry for entry in entries if not entry.missing and not entry.failure)


def _measure_once(work: Work, entry: Entry, settings: Settings) -> None:
    port, contestant = free_port(), entry.contestant
    start = running(contestant.command(port), port, contestant.environment(), settings.server_cpus)
    try:
        with start as server:
            outcome = _load(work, settings, server.pid, port)
            if outcome.errors or not outcome.answers:
                reason = outcome.first_error or "no answers"
                raise ServerError(f"{reason}; the server's last line: {server.last_line()}")
    except ServerError as error:
        entry.failure = str(error)
    else:
        entry.outcomes.append(outcome)


def _load(work: Work, settings: Settings, pid: int, port: int) -> Outcome:
    plan = Plan(
        pid=pid,
        port=port,
        protocol=work.protocol,
        expected=work.expected,
        connections=work.connections,
        warm_up=settings.warm_up,
        seconds=settings.seconds,
        requests=REQUESTS,
    )
    return wrk.measure(plan) if settings.client == "wrk" else _own_client(plan)


def _own_client(plan: Plan) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(asdict(plan))]
    limit = plan.warm_up + plan.seconds + 2 * PATIENCE
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise ServerError(f"load generator: not done after {limit:.0f} s") from None
    if result.returncode != 0:
        raise ServerError(f"load generator: {result.stderr.strip().splitlines()[-1]}")
    return Outcome(**json.loads(result.stdout))
