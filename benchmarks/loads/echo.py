"""One WebSocket with messages at fixed times, for how soon a server answers while it is busy with others."""

import asyncio
from collections import deque
from typing import cast

from benchmarks.loads.clients import AnswerError, Meter
from benchmarks.loads.metronome import Metronome
from benchmarks.loads.plan import PATIENCE
from benchmarks.loads.websocket import HANDSHAKE, MASK, answer_pings, frame, take_handshake


class EchoClient(asyncio.Protocol):
    """Sends numbered messages of 32 bytes and notes how long after it was due each came back unchanged."""

    transport: asyncio.Transport

    def __init__(self, meter: Meter, rate: float) -> None:
        self.latencies: list[float] = []
        self._meter = meter
        self._metronome = Metronome(rate, self._send)
        self._under_way: deque[tuple[float, bytes]] = deque()  # when each was due, and the echo to come
        self._sent = 0
        self._buffer = b""
        self.opened = asyncio.Event()
        self._all_back = asyncio.Event()

    @classmethod
    async def connect(cls, port: int, meter: Meter, rate: float) -> "EchoClient":
        """Open the WebSocket, and return once it is open; `TimeoutError` after `PATIENCE` seconds."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            _, client = await loop.create_connection(lambda: cls(meter, rate), "127.0.0.1", port)
            await client.opened.wait()
        return client

    def start(self) -> None:
        """Begin to send."""
        self._metronome.start()

    async def finish(self) -> None:
        """Send no more, and wait for what is under way, so that the slowest echoes count, too.

        `TimeoutError` after `PATIENCE` seconds.
        """
        self._metronome.stop()
        if self._under_way:
            self._all_back.clear()
            async with asyncio.timeout(PATIENCE):
                await self._all_back.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(HANDSHAKE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Record that the server ended a connection that was to be kept."""
        self._end(f"WebSocket closed by the server ({exc or 'end of file'})")

    def data_received(self, data: bytes) -> None:
        """Take the answer to the handshake, pings, and echoes in the order in which they were sent."""
        self._buffer += data
        try:
            if self.opened.is_set() or self._take_handshake():
                self._take_echoes()
        except AnswerError as error:
            self._end(str(error))
            self.transport.abort()

    def _send(self, due: float) -> None:
        payload = b"%032d" % self._sent
        self._sent += 1
        self._under_way.append((due, frame(0x2, payload)))
        self.transport.write(frame(0x2, payload, MASK))

    def _take_handshake(self) -> bool:
        rest = take_handshake(self._buffer)
        if rest is None:
            return False
        self._buffer = rest
        self.opened.set()
        return True

    def _take_echoes(self) -> None:
        now = asyncio.get_running_loop().time()
        self._buffer = answer_pings(self._buffer, self.transport)
        while self._under_way and self._buffer.startswith(self._under_way[0][1]):
            due, echo = self._under_way.popleft()
            self.latencies.append(now - due)
            self._buffer = answer_pings(self._buffer[len(echo) :], self.transport)
        next_echo = self._under_way[0][1] if self._under_way else b""
        if not next_echo.startswith(self._buffer) and self._buffer[:1] != b"\x89":
            raise AnswerError(f"unexpected frames: {self._buffer[:300]!r}")
        if not self._under_way:
            self._all_back.set()

    def _end(self, message: str) -> None:
        """Let nobody wait for what will not come."""
        self._meter.fail(message)
        self._metronome.stop()
        self._under_way.clear()
        self.opened.set()
        self._all_back.set()
