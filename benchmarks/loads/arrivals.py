"""The load that sends requests at fixed times: for how long a request takes that need not wait for others."""

import asyncio
from collections import deque

from benchmarks.cpu import family
from benchmarks.loads.clients import Meter, OnDemandClient
from benchmarks.loads.metronome import Metronome
from benchmarks.loads.outcome import Outcome, Reading, failed, latencies
from benchmarks.loads.plan import PATIENCE, REQUESTS, Arrivals, Plan


class Arrival:
    """The connections; a request goes to the one that has been idle for longest, or waits for one."""

    def __init__(self, load: Arrivals) -> None:
        self.latencies: list[float] = []
        self.done = asyncio.Event()
        self.meter = Meter(REQUESTS, self.done.set)
        self._load = load
        self._idle: deque[OnDemandClient] = deque()
        self._waiting: deque[float] = deque()  # when they were due
        self._clients: list[OnDemandClient] = []
        self._count = 0

    async def connect(self, port: int) -> None:
        """Open the connections."""
        loop, expected = asyncio.get_running_loop(), self._load.expected.encode()
        for _ in range(self._load.connections):
            _, client = await loop.create_connection(
                lambda: OnDemandClient(self.meter, expected, self._answered), "127.0.0.1", port
            )
            self._clients.append(client)
        self._idle.extend(self._clients)

    async def run(self, seconds: float) -> None:
        """Send requests for so long, and wait for their answers; `TimeoutError` when they do not come."""
        self.latencies.clear()
        self.done.clear()
        self._count = max(1, round(self._load.rate * seconds))
        metronome = Metronome(self._load.rate, self._arrived, self._count)
        metronome.start()
        try:
            async with asyncio.timeout(seconds + PATIENCE):
                await self.done.wait()
        finally:
            metronome.stop()

    def abort(self) -> None:
        """Drop the connections."""
        self.meter.stopped = True
        for client in self._clients:
            client.transport.abort()

    def _arrived(self, due: float) -> None:
        if self._idle:
            self._idle.popleft().send(due)
        else:
            self._waiting.append(due)

    def _answered(self, client: OnDemandClient) -> None:
        self.latencies.append(asyncio.get_running_loop().time() - client.due)
        if self._waiting:
            client.send(self._waiting.popleft())
        else:
            self._idle.append(client)
        if len(self.latencies) == self._count:
            self.done.set()


async def measure(plan: Plan, load: Arrivals) -> Outcome:
    """Send requests for the time of warm-up and measurement; errors are in the outcome."""
    arrival = Arrival(load)
    meter = arrival.meter
    try:
        await arrival.connect(plan.port)
        await arrival.run(plan.warm_up)
        start = Reading.take(meter.answered, family(plan.pid))
        await arrival.run(plan.seconds)
        end = Reading.take(meter.answered, family(plan.pid))
    except TimeoutError:
        return failed(meter.errors[0] if meter.errors else "the answers took too long")
    finally:
        arrival.abort()
    return start.until(end, meter.errors, latencies("answer", arrival.latencies))
