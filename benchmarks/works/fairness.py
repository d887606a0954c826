"""Views that burn CPU on every thread, while a WebSocket wants its answers at once."""

import contextlib
import time
from collections.abc import Iterator, Mapping

from benchmarks.apps.burn_wsgi import LOOPS, burn
from benchmarks.contestants import gunicorn, hybrid, uvicorn
from benchmarks.loads.plan import Batch, Echoes
from benchmarks.work import ECHO_MAX, ECHO_P50, ECHO_P99, RATE, Target, Work
from benchmarks.works.hello import ASGI, HELLO

VIEW = 0.02  # seconds of CPU that a view burns
PLAIN_POOL = "hybrid, plain pool"


def loops_for(seconds: float) -> int:
    """Count the loops that take this much CPU time of a thread here, at best.

    It takes about a second: long enough for a CPU to come up to speed.
    """
    loops = 10_000
    while best_time(loops, trials=1) < 0.05:
        loops *= 2
    return round(loops * seconds / best_time(loops))


def best_time(loops: int, trials: int = 10) -> float:
    """Return the CPU seconds that so many loops take in the best of some trials."""
    times: list[float] = []
    for _ in range(trials):
        start = time.thread_time()
        burn(loops)
        times.append(time.thread_time() - start)
    return min(times)


@contextlib.contextmanager
def same_view_for_all() -> Iterator[Mapping[str, str]]:
    """Give all servers the same number of loops for a view, counted once."""
    loops = loops_for(VIEW)
    print(f"a view burns {best_time(loops) * 1000:.1f} ms of CPU at best, in {loops} loops", flush=True)
    yield {LOOPS: str(loops)}


FAIRNESS = Work(
    f"Views that burn {VIEW * 1000:g} ms of CPU, 10 threads, 32 connections; 100 WebSocket echoes/s",
    Batch(HELLO, 32, rate=1 / VIEW, echoes=Echoes(rate=100)),
    hybrid("burn_wsgi", "--lifespan", "off", "--threads", "10", beside=("echo_asgi",)),
    (
        hybrid("burn_plain_pool", "--lifespan", "off", name=PLAIN_POOL),
        uvicorn("burn_a2wsgi", *ASGI, packages=("a2wsgi", "websockets")),
        gunicorn("burn_a2wsgi", "--worker-class", "asgi", packages=("a2wsgi",)),
    ),
    (ECHO_P99, ECHO_P50, ECHO_MAX, RATE),
    (Target(ECHO_P99, 5.0), Target(RATE, 0.97, PLAIN_POOL)),
    rounds=3,
    seconds=5.0,
    environment=same_view_for_all,
)
