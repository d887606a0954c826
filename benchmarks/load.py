"""The load generator: a process of its own that keeps every connection busy and meters the server meanwhile.

Started by the runner as `python -m benchmarks.load PLAN`, with a `Plan` as JSON; prints an `Outcome` as JSON.
"""

import asyncio
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.clients import Client, HTTPClient, Meter, WebSocketClient
from benchmarks.cpu import cpu_seconds, family, machine_seconds

PATIENCE = 10.0  # seconds a server gets to give its first answer, and its last ones


@dataclass(frozen=True)
class Plan:
    """What to measure: `pid` serves `protocol` ("http" or "websocket") on `port` and answers with `expected`.

    The measurement starts `warm_up` seconds after the first answer. It ends after `seconds`, after `requests`
    answers counted from the start of the load, or at the first error, whichever comes first.
    """

    pid: int
    port: int
    protocol: str
    expected: str
    connections: int
    warm_up: float
    seconds: float
    requests: int


@dataclass(frozen=True)
class Outcome:
    """What happened between two readings: checked answers, seconds gone by, and CPU seconds of whom.

    `other_cpu` is what other processes of the machine used meanwhile, where the system tells.
    """

    answers: int
    seconds: float
    server_cpu: float
    client_cpu: float
    other_cpu: float
    errors: int
    first_error: str = ""


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

    def until(self, later: "Reading", errors: list[str]) -> Outcome:
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
        )


async def measure(plan: Plan) -> Outcome:
    """Load the server as planned; errors are counted in the outcome, also that it never answered."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    meter = Meter(plan.requests, done.set)
    clients = [await _connect(loop, plan, meter) for _ in range(plan.connections)]
    try:
        async with asyncio.timeout(PATIENCE):
            await meter.first_answer.wait()
        await asyncio.sleep(plan.warm_up)
        pids = family(plan.pid)
        start = Reading.take(meter.answered, pids)
        loop.call_later(plan.seconds, done.set)
        await done.wait()
        end = Reading.take(meter.answered, pids)
    except TimeoutError:
        meter.fail(f"no answer within {PATIENCE:.0f} s")
        start = end = Reading(0, 0, 0, 0, 0)
    meter.stopped = True
    for client in clients:
        client.transport.abort()
    return start.until(end, meter.errors)


async def _connect(loop: asyncio.AbstractEventLoop, plan: Plan, meter: Meter) -> Client:
    expected = plan.expected.encode()

    def build() -> Client:
        return HTTPClient(meter, expected) if plan.protocol == "http" else WebSocketClient(meter, expected)

    _, client = await loop.create_connection(build, "127.0.0.1", plan.port)
    return client


def run_on_fastest_loop(main: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run on uvloop where it exists, so that the client is not what is measured."""
    run: Callable[[Coroutine[Any, Any, Outcome]], Outcome] = asyncio.run
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        run = uvloop.run
    return run(main)


if __name__ == "__main__":
    print(json.dumps(asdict(run_on_fastest_loop(measure(Plan(**json.loads(sys.argv[1])))))))
