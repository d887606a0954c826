"""What the console costs, and whether it answers: `python -m benchmarks.console` (needs Chromium).

- `/health/ready`, asked 20 times a second for some seconds, while the pool is full of requests that calculate
  and more wait than there are threads.
- The CPU of a server that answers 1000 requests a second, without and with an open page, in turn; and how
  often the browser could draw that page: frames a second, and the longest time between two.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from benchmarks.cpu import cpu_seconds
from tests.support.chromium import Chromium
from tests.support.console import console_of
from tests.support.process import ROOT, ServerProcess, start_server

_FRAMES = """new Promise((done) => {
    const times = [];
    const note = (time) => {
        times.push(time);
        if (time - times[0] < SECONDS * 1000) requestAnimationFrame(note); else done(times);
    };
    requestAnimationFrame(note);
})"""


@contextmanager
def asking(server: ServerProcess, path: str, clients: int, rate: float = 0.0) -> Iterator[None]:
    """Have clients ask while the block runs, as fast as they can, or so often a second together."""
    ended = threading.Event()

    def ask() -> None:
        due = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as client:
            while not ended.is_set():
                client.request("GET", path)
                client.getresponse().read()
                if rate:
                    due += clients / rate
                    ended.wait(max(0.0, due - time.monotonic()))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def health(seconds: float) -> str:
    """Measure how fast health is told while the pool is full."""
    options: dict[str, Any] = {"ops": "127.0.0.1:0", "threads": 4, "control": "none"}
    with start_server("busy:shop", cwd=ROOT, **options) as server:
        _keep_apart(server)
        url = console_of(server)
        with asking(server, "/report", clients=12), httpx.Client(base_url=url, timeout=60) as client:
            time.sleep(1)
            times: list[float] = []
            for _ in range(int(seconds * 20)):
                begun = time.perf_counter()
                assert client.get("/health/ready").status_code == 200
                times.append(time.perf_counter() - begun)
                time.sleep(0.05)
            (pool,) = client.get("/status").json()["pools"].values()
    p50, p99 = statistics.median(times), sorted(times)[int(0.99 * len(times))]
    asked = f"{pool['busy'] + pool['queued']} requests for {pool['threads']} threads"
    found = f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, longest {max(times) * 1000:.1f} ms"
    return f"/health/ready, {asked}: {found} of {len(times)}"


def page(seconds: float, rounds: int) -> list[str]:
    """Measure what an open page costs the server, and how often the browser can draw."""
    lines, costs = [], {False: list[float](), True: list[float]()}
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        options: dict[str, Any] = {"ops": "127.0.0.1:0", "loop_watch": 0.1, "control": "none"}
        server = opened.enter_context(start_server("/api=busy:api", cwd=ROOT, **options))
        _keep_apart(server)
        browser = opened.enter_context(Chromium(folder))
        opened.enter_context(asking(server, "/api/stock/1", clients=4, rate=1000))
        window = browser.open("about:blank", 1360, 900)
        for _ in range(rounds):
            for is_open in (False, True):
                window.go(console_of(server) if is_open else "about:blank")
                time.sleep(1.5)
                requests, cpu, begun = _requests(server), cpu_seconds([server.pid]), time.monotonic()
                time.sleep(seconds)
                spent, passed = cpu_seconds([server.pid]) - cpu, time.monotonic() - begun
                costs[is_open].append(100 * spent / passed)
                lines.append(
                    f"{(_requests(server) - requests) / passed:.0f} requests/s, page "
                    f"{'open' if is_open else 'closed'}: {costs[is_open][-1]:.1f} % CPU"
                )
        window.go(console_of(server))
        times = window.evaluate(_FRAMES.replace("SECONDS", str(seconds)))
    apart = [after - before for before, after in pairwise(times)]
    cost = statistics.median(costs[True]) - statistics.median(costs[False])
    lines.append(f"the page costs {cost:.1f} % of a CPU (medians of {rounds})")
    lines.append(f"{1000 * len(apart) / sum(apart):.0f} frames/s, at most {max(apart):.0f} ms apart")
    return lines


def _keep_apart(server: ServerProcess) -> None:
    """Give the server a CPU of its own, and all that measures the others."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) > 1:
        os.sched_setaffinity(server.pid, cpus[:1])
        for thread in Path(f"/proc/{server.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cpus[:1])
        os.sched_setaffinity(0, cpus[1:])


def _requests(server: ServerProcess) -> int:
    routes = httpx.get(f"{console_of(server)}/status", timeout=60).json()["routes"]
    return sum(each["begun"] for each in routes.values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each measurement takes")
    parser.add_argument("--rounds", type=int, default=5, help="how often the page is opened")
    given = parser.parse_args()
    print(health(given.seconds))
    print("\n".join(page(given.seconds, given.rounds)))


if __name__ == "__main__":
    main()
