"""The load that sends a fixed number of requests: for rates of slow views.

Views that end together are answered in bursts, and how many bursts fall into a measurement of fixed length is
a matter of luck. A batch begins with a server that is idle and ends with one that is idle again.
"""

import asyncio

from benchmarks.cpu import family
from benchmarks.loads.clients import Meter, OnDemandClient
from benchmarks.loads.echo import EchoClient
from benchmarks.loads.outcome import Outcome, Reading, failed, latencies
from benchmarks.loads.plan import PATIENCE, REQUESTS, Batch, Plan

SLOWEST = 10  # times as long as at best is how long a batch may take


class Crew:
    """The connections of a batch, each with a request under way as long as there are any left to send."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.meter = Meter(REQUESTS, self.done.set)
        self._clients: list[OnDemandClient] = []
        self._unsent = 0
        self._end = 0

    async def connect(self, port: int, load: Batch) -> None:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(load.connections):
            _, client = await loop.create_connection(
                lambda: OnDemandClient(self.meter, load.expected.encode(), self._next), "127.0.0.1", port
            )
            self._clients.append(client)

    async def run(self, requests: int, patience: float) -> None:
        """Return when all requests are answered, or one went wrong; else raise `TimeoutError`."""
        self.done.clear()
        self._unsent, self._end = requests, self.meter.answered + requests
        for client in self._clients:
            self._send(client)
        async with asyncio.timeout(patience):
            await self.done.wait()

    def abort(self) -> None:
        """Drop the connections."""
        self.meter.stopped = True
        for client in self._clients:
            client.transport.abort()

    def _send(self, client: OnDemandClient) -> None:
        if self._unsent:
            self._unsent -= 1
            client.send()

    def _next(self, client: OnDemandClient) -> None:
        if self.meter.answered == self._end:
            self.done.set()
        self._send(client)


async def measure(plan: Plan, load: Batch) -> Outcome:
    """Send the batch, after one request on each connection for warm-up; errors are in the outcome."""
    crew = Crew()
    meter = crew.meter
    try:
        echo = await EchoClient.connect(plan.port, meter, load.echoes.rate) if load.echoes else None
        await crew.connect(plan.port, load)
        await crew.run(load.connections, PATIENCE)
        start = Reading.take(meter.answered, family(plan.pid))
        if echo:
            echo.start()
        await crew.run(round(load.rate * plan.seconds), SLOWEST * plan.seconds + PATIENCE)
        end = Reading.take(meter.answered, family(plan.pid))
        if echo:
            await echo.finish()
    except TimeoutError:
        return failed(meter.errors[0] if meter.errors else "the answers took too long")
    finally:
        crew.abort()
    if echo:
        echo.transport.abort()
    return start.until(end, meter.errors, latencies("echo", echo.latencies) if echo else None)
