"""What a work is: a load, the servers that take it, the figures that are shown, and the targets."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from benchmarks.contestants import Contestant
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Load


@dataclass(frozen=True)
class Figure:
    """Something that can be read off an outcome: its name with the unit, and how it is written."""

    name: str
    read: Callable[[Outcome], float]
    form: str = ".1f"
    higher_is_better: bool = False


BEST = "the best peer"


@dataclass(frozen=True)
class Target:
    """What hybrid must reach: at most, or at least, `limit`.

    It holds for the figure divided by that of `peer`, or for the figure itself where no peer is named. `BEST`
    stands for the peer that does best in the round, whichever it is.
    """

    figure: Figure
    limit: float
    peer: str = ""


@dataclass(frozen=True)
class Work:
    """Something to measure.

    The first of the `figures` is what peers without a target are compared by. `environment` holds while the
    servers run, and gives what is added to their environment variables. With `every_cpu` they may use that of
    the load generator too.
    """

    name: str
    load: Load
    hybrid: Contestant
    peers: tuple[Contestant, ...]
    figures: tuple[Figure, ...]
    targets: tuple[Target, ...] = ()
    rounds: int = 5
    seconds: float = 2.0
    environment: Callable[[], AbstractContextManager[Mapping[str, str]]] = lambda: nullcontext({})
    every_cpu: bool = False


def _of(name: str) -> Callable[[Outcome], float]:
    """Read what only some kinds of load measure."""
    return lambda outcome: outcome.figures[name]


CPU = Figure("CPU µs/request", lambda outcome: outcome.server_cpu / outcome.answers * 1e6)
CPU_PER_MESSAGE = replace(CPU, name="CPU µs/message")
CPU_PER_CALL = replace(CPU, name="CPU µs/call", form=".2f")
MESSAGES = Figure(
    "messages/s", lambda outcome: outcome.answers / outcome.seconds, ".0f", higher_is_better=True
)
RATE = Figure("requests/s", lambda outcome: outcome.answers / outcome.seconds, ".0f", higher_is_better=True)
ECHO_P99 = Figure("echo p99 ms", _of("echo p99"))
ECHO_P50 = Figure("echo p50 ms", _of("echo p50"))
ECHO_MAX = Figure("echo max ms", _of("echo max"))
FIRST_ANSWER = Figure("first answer ms", _of("first answer ms"), ".0f")
HELD = Figure("memory MiB", _of("memory MiB"))
HELD_EACH = Figure("memory KiB/connection", _of("memory KiB/connection"))
MEMORY = Figure("memory growth MiB", _of("memory growth MiB"))
THROUGHPUT = Figure(
    "MiB/s", lambda outcome: outcome.figures["bytes"] / 2**20 / outcome.seconds, ".0f", higher_is_better=True
)
CPU_PER_GIB = Figure(
    "CPU ms/GiB", lambda outcome: outcome.server_cpu * 1000 / (outcome.figures["bytes"] / 2**30), ".0f"
)


def share_of(rate: float) -> Figure:
    """How much of the rate that a work allows at best was reached."""
    name = f"share of {rate:g}/s"
    return Figure(
        name, lambda outcome: outcome.answers / outcome.seconds / rate, ".1%", higher_is_better=True
    )


def added(share: str, milliseconds: float) -> Figure:
    """By how much the answers took longer than the views themselves; `share` as in "p99"."""
    latency = _of(f"answer {share}")
    return Figure(f"added {share} ms", lambda outcome: latency(outcome) - milliseconds)
