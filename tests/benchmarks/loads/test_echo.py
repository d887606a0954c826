import asyncio
from collections.abc import Iterator

import pytest

from benchmarks.loads.clients import Meter
from benchmarks.loads.echo import EchoClient
from benchmarks.loads.websocket import HANDSHAKE, MASK, frame
from tests.benchmarks.loads.wire import UPGRADED, Wire

SELDOM = 0.001  # messages a second: the first is sent at once, and no other within a test


def message(number: int) -> bytes:
    """The payload of a message."""
    return b"%032d" % number


class Setup:
    """A client on a wire, on which nothing happens that the test does not do."""

    def __init__(self, rate: float = SELDOM) -> None:
        self.meter = Meter(1000, lambda: None)
        self.client = EchoClient(self.meter, rate)
        self.wire = Wire()
        self.client.connection_made(self.wire)

    def receive(self, *chunks: bytes) -> None:
        """Let the client read each chunk."""
        for chunk in chunks:
            self.client.data_received(chunk)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """A loop, whose clock the client reads."""
    with asyncio.Runner() as runner:
        yield runner


def test_a_message_is_timed_when_it_is_back(runner: asyncio.Runner) -> None:
    """Handshake and echo may come in pieces, and a ping between them is answered."""

    async def talk() -> Setup:
        setup = Setup()
        setup.receive(UPGRADED[:20])
        assert not setup.client.opened.is_set()
        setup.receive(UPGRADED[20:])
        assert setup.client.opened.is_set()
        setup.client.start()
        echo = frame(0x2, message(0))
        setup.receive(frame(0x9, b"?") + echo[:3], echo[3:])
        await setup.client.finish()
        return setup

    setup = runner.run(talk())
    assert setup.wire.written == [HANDSHAKE, frame(0x2, message(0), MASK), frame(0xA, b"?", MASK)]
    assert len(setup.client.latencies) == 1
    assert 0 <= setup.client.latencies[0] < 10
    assert not setup.meter.errors


def test_echoes_that_come_together_count_one_by_one(runner: asyncio.Runner) -> None:
    """Messages are sent whether or not the last is back, and a server may answer many at once."""

    async def talk() -> Setup:
        setup = Setup(rate=1000)
        setup.receive(UPGRADED)
        setup.client.start()
        async with asyncio.timeout(10):
            while len(setup.wire.written) < 4:
                await asyncio.sleep(0.001)
        ending = asyncio.ensure_future(setup.client.finish())
        await asyncio.sleep(0)
        assert not ending.done()
        sent = len(setup.wire.written) - 1
        setup.receive(b"".join(frame(0x2, message(number)) for number in range(sent)))
        await ending
        assert len(setup.client.latencies) == sent
        return setup

    setup = runner.run(talk())
    assert setup.client.latencies == sorted(set(setup.client.latencies), reverse=True)
    assert not setup.meter.errors


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "handshake refused"),
        (UPGRADED + frame(0x2, message(1)), "unexpected frames"),
        (UPGRADED + frame(0x8, b""), "unexpected frames"),
    ],
    ids=["refused", "another message", "close"],
)
def test_a_wrong_answer_ends_the_measurement(runner: asyncio.Runner, chunk: bytes, reason: str) -> None:
    """The error is kept, and nobody waits for an echo that will not come."""

    async def talk() -> Setup:
        setup = Setup()
        setup.client.start()
        setup.receive(chunk)
        await setup.client.finish()
        return setup

    setup = runner.run(talk())
    assert reason in setup.meter.errors[0]
    assert setup.wire.aborted


def test_a_lost_connection_ends_the_measurement(runner: asyncio.Runner) -> None:
    """Also while the client waits for its last echoes."""

    async def talk() -> Setup:
        setup = Setup()
        setup.receive(UPGRADED)
        setup.client.start()
        asyncio.get_running_loop().call_soon(setup.client.connection_lost, None)
        await setup.client.finish()
        return setup

    assert runner.run(talk()).meter.errors == ["WebSocket closed by the server (end of file)"]
