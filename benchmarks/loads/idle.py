"""Connections that have been used once and then do nothing: what each of them keeps of a server's memory."""

import asyncio

from benchmarks.cpu import family
from benchmarks.loads.clients import Client, HTTPClient, Meter
from benchmarks.loads.outcome import Outcome, Reading, failed
from benchmarks.loads.plan import PATIENCE, Idle, Plan
from benchmarks.loads.websocket import DeflatingClient, WebSocketClient
from benchmarks.memory import resident

#: Connections that are opened at a time: a server's backlog is not what is measured.
_AT_A_TIME = 50


class _Quiet(Client):
    """A client that sends nothing more once it has had its answer."""

    def answered(self) -> None:
        """Count the answer."""
        self.meter.answered += 1
        if self.meter.answered == self.meter.limit:
            self.meter.stop()


class _QuietHTTP(_Quiet, HTTPClient):
    """One request."""


class _QuietWebSocket(_Quiet, WebSocketClient):
    """One message."""


class _QuietDeflate(_Quiet, DeflatingClient):
    """One compressed message."""


_KINDS = {"http": _QuietHTTP, "websocket": _QuietWebSocket, "deflate": _QuietDeflate}


async def measure(plan: Plan, load: Idle) -> Outcome:
    """Open the connections, use each once, and read the memory before and after.

    What the server needs once, for its first connections, is in the reading before.
    """
    pids = family(plan.pid)
    groups = [await _open(plan.port, load)]
    before, start = sum(map(resident, pids)), Reading.take(0, pids)
    while not groups[-1].errors and len(groups) * _AT_A_TIME <= load.connections:
        groups.append(await _open(plan.port, load))
    count = (len(groups) - 1) * _AT_A_TIME
    grown, end = sum(map(resident, pids)) - before, Reading.take(count, pids)
    for group in groups:
        group.close()
    if groups[-1].errors:
        return failed(groups[-1].errors[0])
    return start.until(end, (), {"memory KiB/connection": grown / 1024 / count})


class _Group:
    """Connections that are opened together, and have been used once."""

    def __init__(self, load: Idle) -> None:
        self.done = asyncio.Event()
        self._meter = Meter(_AT_A_TIME, self.done.set)
        self._load = load
        self._clients: list[Client] = []

    @property
    def errors(self) -> list[str]:
        """What went wrong so far."""
        return self._meter.errors

    def build(self) -> Client:
        """Make the client of one more connection."""
        kind = _KINDS[self._load.protocol]
        self._clients.append(kind(self._meter, self._load.expected.encode()))
        return self._clients[-1]

    def fail(self, reason: str) -> None:
        """Record an error."""
        self._meter.fail(reason)

    def close(self) -> None:
        """Close the connections; that is no error."""
        self._meter.stopped = True
        for client in self._clients:
            client.transport.abort()


async def _open(port: int, load: Idle) -> _Group:
    """Open connections, and return when each has had its answer, or one of them an error."""
    group = _Group(load)
    try:
        async with asyncio.timeout(PATIENCE):
            for _ in range(_AT_A_TIME):
                await asyncio.get_running_loop().create_connection(group.build, "127.0.0.1", port)
            await group.done.wait()
    except TimeoutError:
        group.fail(f"no answer within {PATIENCE:.0f} s")
    return group
