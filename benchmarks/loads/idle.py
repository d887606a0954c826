"""Connections that have been used once and then do nothing: what each of them keeps of a server's memory."""

import asyncio

from benchmarks.cpu import family
from benchmarks.loads.clients import Client, HTTPClient, Meter, WebSocketClient
from benchmarks.loads.outcome import NOTHING, Outcome, Reading
from benchmarks.loads.plan import PATIENCE, Idle, Plan
from benchmarks.memory import resident

#: Connections whose first answer may be awaited at a time: a server's backlog is not what is measured.
_AT_A_TIME = 50


async def measure(plan: Plan, load: Idle) -> Outcome:
    """Open the connections, use each once, and read the memory before and after.

    What the server needs once, for its first connections, is in the reading before.
    """
    pids = family(plan.pid)
    meter = Meter(-1, lambda: None)
    clients: list[Client] = []
    start = end = NOTHING
    figures: dict[str, float] = {}
    try:
        clients += await _open(plan.port, load, meter, _AT_A_TIME)
        before = sum(map(resident, pids))
        start = Reading.take(0, pids)
        for _ in range(load.connections // _AT_A_TIME):
            clients += await _open(plan.port, load, meter, _AT_A_TIME)
        end = Reading.take(len(clients) - _AT_A_TIME, pids)
        grown = sum(map(resident, pids)) - before
        figures["memory KiB/connection"] = grown / 1024 / (len(clients) - _AT_A_TIME)
    except TimeoutError:
        meter.fail(f"no answer within {PATIENCE:.0f} s")
    meter.stopped = True
    for client in clients:
        client.transport.abort()
    return start.until(end, meter.errors, figures)


async def _open(port: int, load: Idle, meter: Meter, count: int) -> list[Client]:
    """Open connections and wait until each has had its answer."""
    loop = asyncio.get_running_loop()
    kind = _QuietHTTPClient if load.protocol == "http" else _QuietWebSocketClient
    made: list[_QuietHTTPClient | _QuietWebSocketClient] = []

    def build() -> asyncio.Protocol:
        made.append(kind(meter, load.expected.encode()))
        return made[-1]

    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            await loop.create_connection(build, "127.0.0.1", port)
        for client in made:
            await client.used.wait()
    return [*made]


class _QuietHTTPClient(HTTPClient):
    """Sends one request; `used` says that it has been answered."""

    def __init__(self, meter: Meter, body: bytes) -> None:
        super().__init__(meter, body)
        self.used = asyncio.Event()

    def answered(self) -> None:
        """Be quiet from here on."""
        self.used.set()


class _QuietWebSocketClient(WebSocketClient):
    """Sends one message; `used` says that it has come back."""

    def __init__(self, meter: Meter, payload: bytes) -> None:
        super().__init__(meter, payload)
        self.used = asyncio.Event()

    def answered(self) -> None:
        """Be quiet from here on."""
        self.used.set()
