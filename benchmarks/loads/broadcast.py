"""WebSockets that all receive what one of them sends: for what a delivered message costs."""

import asyncio

from benchmarks.cpu import family
from benchmarks.loads.clients import Meter
from benchmarks.loads.outcome import Outcome, Reading, failed
from benchmarks.loads.plan import PATIENCE, REQUESTS, Broadcast, Plan
from benchmarks.loads.websocket import TEXT, WebSocketClient

#: Seconds for all to join: a server may take 10 ms for each handshake and be quick with messages.
JOINING = 3 * PATIENCE


class Crowd:
    """The WebSockets, and how many of them still miss the message that is on its way.

    The first to have joined sends it, and sends the next one when all have received it.
    """

    def __init__(self, load: Broadcast) -> None:
        self.complete = asyncio.Event()
        self.done = asyncio.Event()
        self.meter = Meter(REQUESTS, self._stop)
        self._payload = b"x" * load.size
        self._size = load.connections
        self._members: list[Member] = []
        self._missing = 0
        self.number = 0  # of the message that is on its way

    async def join(self, port: int) -> None:
        """Open all WebSockets; `TimeoutError` when that takes too long."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(JOINING):
            for _ in range(self._size):
                await loop.create_connection(self.build, "127.0.0.1", port)
            await self.complete.wait()

    def build(self) -> "Member":
        """Make the client of one more WebSocket."""
        self._members.append(Member(self, self._payload))
        return self._members[-1]

    def joined(self) -> None:
        """Count a WebSocket that is open."""
        self._missing += 1
        if self._missing == self._size:
            self.complete.set()

    def speak(self) -> None:
        """Send a message to all."""
        self.number += 1
        self._missing = self._size
        speaker = self._members[0]
        speaker.transport.write(speaker.message)

    def delivered(self) -> None:
        """Count a message that has arrived."""
        self.meter.answered += 1
        self._missing -= 1
        if not self._missing:
            self.speak()

    def close(self) -> None:
        """Close the WebSockets; that is no error."""
        self.meter.stopped = True
        for member in self._members:
            if hasattr(member, "transport"):  # the last one may not be connected
                member.transport.abort()

    def _stop(self) -> None:
        self.complete.set()
        self.done.set()


class Member(WebSocketClient):
    """One that receives; a message that is not the expected one, or comes twice, is an error."""

    def __init__(self, crowd: Crowd, payload: bytes) -> None:
        super().__init__(crowd.meter, payload, TEXT)
        self._crowd = crowd
        self._heard = 0  # the number of the last message

    def opened(self) -> None:
        """Wait for the others."""
        self._crowd.joined()

    def answered(self) -> None:
        """Tell the crowd."""
        if self._heard == self._crowd.number:
            self.meter.fail("a message came twice, or before it was sent")
        self._heard = self._crowd.number
        self._crowd.delivered()


async def measure(plan: Plan, load: Broadcast) -> Outcome:
    """Broadcast, one message after the other; every delivery is an answer."""
    crowd = Crowd(load)
    meter = crowd.meter
    try:
        await crowd.join(plan.port)
        if meter.errors:
            return failed(meter.errors[0])
        crowd.speak()
        await asyncio.sleep(plan.warm_up)
        pids = family(plan.pid)
        start = Reading.take(meter.answered, pids)
        asyncio.get_running_loop().call_later(plan.seconds, crowd.done.set)
        await crowd.done.wait()
        return start.until(Reading.take(meter.answered, pids), meter.errors)
    except TimeoutError:
        return failed(f"not all WebSockets were open within {JOINING:.0f} s")
    finally:
        crowd.close()
