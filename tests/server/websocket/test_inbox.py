"""The bounded queue in front of an application."""

import asyncio
from typing import Any

import pytest

from hybrid.bridge.types import Message
from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.websocket.inbox import BACKLOG_BYTES, Inbox
from tests.support.transports import FakeTransport

FIRST: Message = {"type": "first"}
END: Message = {"type": "end"}


def make(limit: int = 2) -> tuple[Inbox, FakeTransport]:
    """Make an inbox and the transport that it pauses, on the running loop."""

    async def unused(*_: Any) -> None:
        raise AssertionError

    context = ServerContext(Config(app=unused), unused, asyncio.get_running_loop())
    connection = Connection(context)
    transport = FakeTransport()
    transport.connect(Handler(connection))
    return Inbox(connection, limit, FIRST), transport


def received(text: str) -> Message:
    """Make the event of a message."""
    return {"type": "websocket.receive", "text": text}


def test_order() -> None:
    """What was put is received in order, the first message first and the end last, as often as asked for."""

    async def run() -> None:
        inbox, _ = make(10)
        inbox.put("text")
        inbox.put(b"bytes")
        inbox.end(END)
        events = [await inbox.receive() for _ in range(5)]
        binary = {"type": "websocket.receive", "bytes": b"bytes"}
        assert events == [FIRST, received("text"), binary, END, END]

    asyncio.run(run())


def test_first_end_counts() -> None:
    """A second end changes nothing."""

    async def run() -> None:
        inbox, _ = make()
        inbox.end(END)
        inbox.end({"type": "another end"})
        assert [await inbox.receive(), await inbox.receive()] == [FIRST, END]

    asyncio.run(run())


def test_full_by_number() -> None:
    """A message beyond the limit pauses the socket; it goes on when all have been received."""

    async def run() -> None:
        inbox, transport = make(2)
        inbox.put("1")
        assert transport.is_reading()
        inbox.put("2")
        assert not transport.is_reading()
        await inbox.receive()
        await inbox.receive()
        assert not transport.is_reading()
        await inbox.receive()
        assert transport.is_reading()

    asyncio.run(run())


@pytest.mark.parametrize("parts", [1, 4])
def test_full_by_bytes(parts: int) -> None:
    """Bytes that arrive behind a waiting message pause the socket beyond the limit, in however many reads."""

    async def run() -> None:
        inbox, transport = make(10)
        for _ in range(parts):
            inbox.count(BACKLOG_BYTES // parts)
        assert transport.is_reading()
        inbox.count(1)
        assert not transport.is_reading()
        await inbox.receive()
        assert transport.is_reading()

    asyncio.run(run())


def test_bytes_with_nothing_waiting() -> None:
    """Bytes of a message that nothing waits in front of do not count, and what counted is forgotten."""

    async def run() -> None:
        inbox, transport = make(10)
        inbox.count(BACKLOG_BYTES)
        await inbox.receive()
        inbox.count(10 * BACKLOG_BYTES)
        inbox.put("1")
        inbox.count(BACKLOG_BYTES)
        assert transport.is_reading()

    asyncio.run(run())


def test_control_frames_do_not_wait() -> None:
    """Bytes of control frames do not count, however many come, nor do they hide those that count."""

    async def run() -> None:
        inbox, transport = make(10)
        for _ in range(4):
            inbox.count(BACKLOG_BYTES // 2)
            inbox.discount(BACKLOG_BYTES // 2)
        inbox.count(BACKLOG_BYTES)
        inbox.discount(0)
        assert transport.is_reading()
        inbox.count(1)
        inbox.discount(0)
        assert not transport.is_reading()
        inbox.discount(1)
        assert transport.is_reading()

    asyncio.run(run())


def test_control_frames_do_not_make_room() -> None:
    """Where too many messages wait, a control frame does not let the socket go on."""

    async def run() -> None:
        inbox, transport = make(1)
        inbox.put("1")
        inbox.discount(100)
        assert not transport.is_reading()

    asyncio.run(run())


def test_heard() -> None:
    """Whether anything has arrived is told once."""

    async def run() -> None:
        inbox, _ = make()
        assert not inbox.take_heard()
        inbox.count(1)
        assert [inbox.take_heard(), inbox.take_heard()] == [True, False]

    asyncio.run(run())


def test_waiting() -> None:
    """A receiver that waits gets the message that comes, and one that nothing comes for gets the end."""

    async def run() -> None:
        inbox, _ = make()
        await inbox.receive()
        receivers = [asyncio.ensure_future(inbox.receive()) for _ in range(2)]
        await asyncio.sleep(0)
        assert repr(inbox) == "<Inbox open, 0 of 2 messages>"
        for text in ("1", "2", "3"):
            inbox.put(text)
        assert repr(inbox) == "<Inbox full, 3 of 2 messages>"
        assert [await receiver for receiver in receivers] == [received("1"), received("2")]
        await inbox.receive()
        late = asyncio.ensure_future(inbox.receive())
        await asyncio.sleep(0)
        inbox.end(END)
        assert await late == END
        assert repr(inbox) == "<Inbox ended, 0 of 2 messages>"

    asyncio.run(run())


def test_pause() -> None:
    """An inbox that is told so is full until everything in it has been received."""

    async def run() -> None:
        inbox, transport = make(10)
        inbox.put("one")
        found = [(inbox.full, transport.is_reading())]
        inbox.pause()
        found.append((inbox.full, transport.is_reading()))
        for _ in range(2):
            await inbox.receive()
            found.append((inbox.full, transport.is_reading()))
        assert found == [(False, True), (True, False), (True, False), (False, True)]

    asyncio.run(run())
