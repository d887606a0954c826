"""What a measurement gives: two readings of clocks and counters, and what lies between them."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.cpu import cpu_seconds, machine_seconds


@dataclass(frozen=True)
class Outcome:
    """What happened between two readings: checked answers, seconds gone by, and CPU seconds of whom.

    `other_cpu` is what other processes of the machine used meanwhile, where the system tells. `figures` are
    what only some kinds of load measure, by name.
    """

    answers: int
    seconds: float
    server_cpu: float
    client_cpu: float
    other_cpu: float
    errors: int
    first_error: str = ""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Reading:
    """The state of things at one moment."""

    answers: int
    clock: float
    server_cpu: float
    client_cpu: float
    machine_cpu: float

    @classmethod
    def take(cls, answers: int, pids: list[int]) -> "Reading":
        """Read clocks and CPU times now, the server's from outside."""
        return cls(answers, time.perf_counter(), cpu_seconds(pids), time.process_time(), machine_seconds())

    def until(
        self, later: "Reading", errors: Sequence[str], figures: Mapping[str, float] | None = None
    ) -> Outcome:
        """What happened between this reading and a later one."""
        server_cpu, client_cpu = later.server_cpu - self.server_cpu, later.client_cpu - self.client_cpu
        return Outcome(
            answers=later.answers - self.answers,
            seconds=later.clock - self.clock,
            server_cpu=server_cpu,
            client_cpu=client_cpu,
            other_cpu=max(0.0, later.machine_cpu - self.machine_cpu - server_cpu - client_cpu),
            errors=len(errors),
            first_error=errors[0] if errors else "",
            figures=figures or {},
        )


NOTHING = Reading(0, 0, 0, 0, 0)


def failed(reason: str) -> Outcome:
    """Give the outcome of a measurement that came to nothing."""
    return NOTHING.until(NOTHING, [reason])


def latencies(prefix: str, seconds: Sequence[float]) -> dict[str, float]:
    """Sum up how long answers took: median, 99th percentile and longest, in milliseconds."""
    if not seconds:
        return {}
    ranked = sorted(seconds)
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {f"{prefix} {name}": percentile(ranked, share) * 1000 for name, share in shares.items()}


def percentile(ranked: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values, in rising order, does not exceed."""
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
