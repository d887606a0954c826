"""Started by the runner as `python -m benchmarks.loads PLAN`; prints an `Outcome` as JSON."""

import asyncio
import importlib.util
import json
import selectors
import sys
from collections.abc import Callable
from dataclasses import asdict

from benchmarks.loads import (
    arrivals,
    batch,
    broadcast,
    downloads,
    h2load,
    idle,
    round_trip,
    steady,
    stream_echoes,
    transfer,
)
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import (
    Arrivals,
    Batch,
    Broadcast,
    Calls,
    Download,
    Downloads,
    Idle,
    Multiplexed,
    Plan,
    RoundTrip,
    Start,
    Steady,
    StreamEchoes,
    Upload,
)

WithoutLoop = Download | Upload | Downloads | RoundTrip | Multiplexed | StreamEchoes


def measure(plan: Plan) -> Outcome:
    """Load the server with the client that knows this kind of load."""
    match plan.load:
        case Steady() as load:
            with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
                return runner.run(steady.measure(plan, load))
        case Batch() as load:
            with asyncio.Runner(loop_factory=_punctual_loop) as runner:
                return runner.run(batch.measure(plan, load))
        case Arrivals() as load:
            with asyncio.Runner(loop_factory=_punctual_loop) as runner:
                return runner.run(arrivals.measure(plan, load))
        case Broadcast() as load:
            with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
                return runner.run(broadcast.measure(plan, load))
        case Idle() as load:
            with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
                return runner.run(idle.measure(plan, load))
        case Start() | Calls():
            raise ValueError("starts and calls are measured without a client")
        case load:
            return _measure_without_loop(plan, load)


def _measure_without_loop(plan: Plan, load: WithoutLoop) -> Outcome:
    match load:
        case Download() | Upload():
            return transfer.measure(plan, load)
        case Downloads():
            return downloads.measure(plan, load)
        case RoundTrip():
            return round_trip.measure(plan, load)
        case Multiplexed():
            return h2load.measure(plan, load)
        case StreamEchoes():
            return stream_echoes.measure(plan, load)


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Choose uvloop where it exists, so that the client is not what is measured."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def _punctual_loop() -> asyncio.AbstractEventLoop:
    """Make a loop whose timers are not rounded to milliseconds, as those of uvloop and of epoll are."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Plan.from_json(sys.argv[1])))))
