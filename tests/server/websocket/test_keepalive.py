"""Pings, without a network: when they are sent, what counts as a sign of life, and what is measured."""

import random
import tracemalloc
from collections import Counter
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from hybrid.server.connection import Connection
from hybrid.server.ops.access_record import AccessRecord, WebSocketRecord
from hybrid.server.websocket.keepalive import Keepalive
from hybrid.server.wire.websocket.frames import encode_close
from tests.support.http_peer import Peer, Puppet, on_loop, settle
from tests.support.websocket_clients import handshake_bytes

HANDSHAKE = handshake_bytes("/ws")
TIMED_OUT = encode_close(1011, "keepalive ping timeout")
INTERVAL, TIMEOUT = 20.0, 10.0


def masked(opcode: Opcode, payload: bytes) -> bytes:
    """Write a frame as a client does."""
    return Frame(opcode, payload).serialize(mask=True)


class Pinged:
    """A WebSocket whose application is a puppet, and whose clock a test sets."""

    def __init__(self, **settings: Any) -> None:
        self.app = Puppet()
        defaults = {"ws_ping_interval": INTERVAL, "ws_ping_timeout": TIMEOUT}
        self.peer = Peer(self.app, **{**defaults, **settings})
        self.start = self.peer.context.now

    async def open(self) -> None:
        """Let the application accept."""
        await self.peer.send(HANDSHAKE)
        await self.app.call.receive()
        await self.app.call.send({"type": "websocket.accept"})
        self.peer.transport.take()

    async def at(self, seconds: float) -> bytes:
        """Let it be so many seconds after the beginning, and return what is sent then."""
        self.peer.context.now = self.start + seconds
        self.peer.connection.tick(self.peer.context.now)
        await settle()
        return self.peer.transport.take()

    async def answer(self, ping: bytes) -> None:
        """Send the pong for a ping."""
        await self.peer.send(masked(Opcode.PONG, ping[2:]))

    async def until_lost(self, seconds: float) -> float:
        """Return when the connection is closed for want of a pong, from a time on."""
        while (sent := await self.at(seconds)) != TIMED_OUT:
            assert not sent
            seconds += 1
        return seconds


def is_ping(data: bytes) -> bool:
    """Tell whether this is one whole ping with something in it to know the pong by."""
    return data[:2] == b"\x89\x04" and len(data) == 6


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first ping be as late as it can be."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)


@pytest.mark.usefixtures("late")
class TestPings:
    """RFC 6455 section 5.5.2."""

    @on_loop
    async def test_sent_when_due(self) -> None:
        """The client is pinged once in each interval that it answers in, and not before the first is over."""
        pinged = Pinged()
        await pinged.open()
        assert await pinged.at(INTERVAL - 1) == b""
        first = await pinged.at(INTERVAL + 1)
        assert is_ping(first)
        await pinged.answer(first)
        assert await pinged.at(2 * INTERVAL) == b""
        second = await pinged.at(2 * INTERVAL + 1)
        assert is_ping(second)
        assert second != first

    @on_loop
    async def test_off(self) -> None:
        """An interval of 0 is never."""
        pinged = Pinged(ws_ping_interval=0)
        await pinged.open()
        assert await pinged.at(100_000) == b""

    @on_loop
    async def test_behind_a_large_message(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A client that still reads what was sent before the ping, as its acknowledgements say, is alive."""
        left = [0]
        monkeypatch.setattr(Connection, "unacknowledged", property(lambda _: left[0]))
        pinged = Pinged()
        await pinged.open()
        left[0] = 1_000_000
        assert is_ping(await pinged.at(INTERVAL + 1))
        seconds = INTERVAL + 1
        for left[0] in (700_000, 300_000):
            seconds += INTERVAL + TIMEOUT
            assert is_ping(await pinged.at(seconds))
        assert await pinged.at(seconds + TIMEOUT + 1) == TIMED_OUT

    @on_loop
    async def test_little_is_acknowledged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Some bytes on their way say nothing: a proxy may take them for a client that is gone."""
        left = [60_000]
        monkeypatch.setattr(Connection, "unacknowledged", property(lambda _: left[0]))
        pinged = Pinged()
        await pinged.open()
        assert is_ping(await pinged.at(INTERVAL + 1))
        left[0] = 6
        assert await pinged.at(INTERVAL + 2 + TIMEOUT) == TIMED_OUT

    @on_loop
    async def test_not_before_the_handshake(self) -> None:
        """A client whose handshake is not answered is not pinged."""
        pinged = Pinged(ws_handshake_timeout=0)
        await pinged.peer.send(HANDSHAKE)
        assert await pinged.at(INTERVAL + 1) == b""

    @on_loop
    async def test_not_while_closing(self) -> None:
        """Nothing is sent after a close frame."""
        pinged = Pinged()
        await pinged.open()
        await pinged.app.call.send({"type": "websocket.close"})
        pinged.peer.transport.take()
        pinged.peer.context.now = pinged.start
        assert await pinged.at(10) == b""

    @on_loop
    async def test_client_that_does_not_read(self) -> None:
        """A ping waits until the client has read enough."""
        pinged = Pinged()
        await pinged.open()
        await pinged.peer.stop_reading()
        assert await pinged.at(INTERVAL + 1) == b""
        await pinged.peer.read_on()
        assert is_ping(await pinged.at(INTERVAL + 2))


@pytest.mark.usefixtures("late")
class TestNoPong:
    """What happens to a client that does not answer, and what is no reason to give it up."""

    @on_loop
    async def test_closed(self) -> None:
        """Without a pong in time it is closed with 1011, and gone, and its application is told why."""
        pinged = Pinged()
        await pinged.open()
        assert is_ping(await pinged.at(INTERVAL + 1))
        lost = await pinged.until_lost(INTERVAL + 2)
        assert TIMEOUT <= lost - (INTERVAL + 1) <= TIMEOUT + 2
        assert pinged.peer.connection.closed
        reason = {"code": 1011, "reason": "keepalive ping timeout"}
        assert await pinged.app.call.receive() == {"type": "websocket.disconnect", **reason}
        with pytest.raises(OSError, match="closed"):
            await pinged.app.call.send({"type": "websocket.send", "text": "late"})
        assert pinged.peer.context.limits_hit == {"ws_ping_timeout": 1}

    @on_loop
    async def test_another_pong(self) -> None:
        """A pong that answers nothing is a sign of life, and no answer."""
        pinged = Pinged()
        await pinged.open()
        assert is_ping(await pinged.at(INTERVAL + 1))
        await pinged.peer.send(masked(Opcode.PONG, b"else"))
        seen = INTERVAL + TIMEOUT + 3  # where it would be over
        assert await pinged.at(seen) == b""
        assert TIMEOUT <= await pinged.until_lost(seen + 1) - seen <= TIMEOUT + 2

    @on_loop
    async def test_large_message(self) -> None:
        """A client that is sending a message lives: its pong can only come behind that."""
        pinged = Pinged()
        await pinged.open()
        assert is_ping(await pinged.at(INTERVAL + 1))
        message = masked(Opcode.BINARY, bytes(1000))
        seconds = INTERVAL + 1
        for start in range(0, 1000, 100):
            await pinged.peer.send(message[start : start + 100])
            seconds += TIMEOUT - 1
            sent = await pinged.at(seconds)
            assert not sent or is_ping(sent)
        assert not pinged.peer.closed

    @on_loop
    async def test_application_that_does_not_receive(self) -> None:
        """While reading rests a pong cannot be seen: it is waited for once reading goes on."""
        pinged = Pinged(ws_max_queue=1)
        await pinged.open()
        assert is_ping(await pinged.at(INTERVAL + 1))
        await pinged.peer.send(2 * masked(Opcode.TEXT, b"x"))
        assert not pinged.peer.connection.reading
        for seconds in (50, 100, 1000):
            sent = await pinged.at(seconds)
            assert is_ping(sent)  # for whoever on the way closes what is silent
            assert not pinged.peer.closed
        await pinged.app.call.receive()
        await pinged.app.call.receive()
        await pinged.answer(sent)
        keepalive = pinged.peer.transport.protocol._keepalive  # type: ignore[attr-defined]
        assert keepalive.rtt is None  # that would be the application's time
        assert not pinged.peer.closed

    @on_loop
    async def test_lost_after_a_rest(self) -> None:
        """A client that vanished meanwhile is found when reading has gone on for the time."""
        pinged = Pinged(ws_max_queue=1)
        await pinged.open()
        await pinged.at(INTERVAL + 1)
        await pinged.peer.send(2 * masked(Opcode.TEXT, b"x"))
        await pinged.at(INTERVAL + 2)
        await pinged.app.call.receive()
        await pinged.app.call.receive()
        lost = await pinged.until_lost(INTERVAL + 3)
        assert TIMEOUT <= lost - (INTERVAL + 2) <= TIMEOUT + 2

    @on_loop
    async def test_unsent(self) -> None:
        """While bytes wait for the client the ping may not have left: that is not waited for."""
        pinged = Pinged(timeout_write=0)
        await pinged.open()
        assert is_ping(await pinged.at(INTERVAL + 1))
        pinged.peer.transport.get_write_buffer_size = lambda: 1  # type: ignore[method-assign]
        await pinged.at(1000)
        assert not pinged.peer.closed
        pinged.peer.transport.get_write_buffer_size = lambda: 0  # type: ignore[method-assign]
        lost = await pinged.until_lost(1001)
        assert TIMEOUT <= lost - 1000 <= TIMEOUT + 2

    @on_loop
    async def test_never(self) -> None:
        """With a time-out of 0 nobody is given up, and each interval has its ping all the same."""
        pinged = Pinged(ws_ping_timeout=0)
        await pinged.open()
        for seconds in (INTERVAL + 1, 2 * INTERVAL + 2, 1000):
            assert is_ping(await pinged.at(seconds))
        assert not pinged.peer.closed


@pytest.mark.usefixtures("late")
class TestMeasured:
    """Round-trip times."""

    @on_loop
    async def test_latest_and_least(self) -> None:
        """The latest and the least are kept."""
        pinged = Pinged()
        await pinged.open()
        keepalive = pinged.peer.transport.protocol._keepalive  # type: ignore[attr-defined]
        assert repr(keepalive) == "<Keepalive idle, rtt None>"
        seconds = INTERVAL + 1
        found = []
        for _ in range(3):
            ping = await pinged.at(seconds)
            assert repr(keepalive).startswith("<Keepalive waits for a pong")
            await pinged.answer(ping)
            found.append(keepalive.rtt)
            assert keepalive.rtt_min == min(found)
            seconds += INTERVAL + 2
        assert all(0 < rtt < 20 for rtt in found)

    @on_loop
    async def test_logged(self) -> None:
        """The record of the end has them, on each of its ways to the log."""
        records: list[AccessRecord] = []
        pinged = Pinged(access_logger=records.append, access_log_websocket_format="%(rtt)s %(rtt_min)s")
        await pinged.open()
        await pinged.answer(await pinged.at(INTERVAL + 1))
        assert is_ping(await pinged.at(2 * INTERVAL + 2))
        await pinged.until_lost(2 * INTERVAL + 3)
        closing = records[1]
        assert isinstance(closing, WebSocketRecord)
        assert closing.rtt == closing.rtt_min
        assert closing.rtt is not None
        assert str(closing) == f"{closing.rtt:.6f} {closing.rtt:.6f}"
        assert (closing.close_code, closing.closed_by) == (1011, "server")

    @on_loop
    async def test_nothing_measured(self) -> None:
        """One that was over before the first pong has none."""
        records: list[AccessRecord] = []
        pinged = Pinged(access_logger=records.append, access_log_websocket_format="%(rtt)s %(rtt_min)s")
        await pinged.open()
        await pinged.peer.leave()
        assert str(records[1]) == "- -"


def test_spread() -> None:
    """Those who connect together are pinged one after the other: no second has many more than its share."""
    random.seed(1)
    counts = Counter(int(Keepalive(0.0, INTERVAL).due) for _ in range(10_000))
    seconds = range(int(INTERVAL / 2), int(INTERVAL))
    assert sorted(counts) == list(seconds)
    share = 10_000 / len(seconds)
    assert all(share / 2 < count < 2 * share for count in counts.values())


def test_small() -> None:
    """What each idle WebSocket keeps for its pings is little: ten thousand cost less than two megabytes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [Keepalive(float(number), INTERVAL) for number in range(10_000)]
        each = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    finally:
        tracemalloc.stop()
    assert each < 200
