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


def message(number: int) -> Message:
    """Make a message that can be told from others."""
    return {"type": "message", "number": number}


def test_order() -> None:
    """What was put is received in order, the first message first and the end last, as often as asked for."""

    async def run() -> None:
        inbox, _ = make(10)
        inbox.put(message(1))
        inbox.put(message(2))
        inbox.end(END)
        received = [await inbox.receive() for _ in range(5)]
        assert received == [FIRST, message(1), message(2), END, END]

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
    """As many messages as the limit pause the socket; it goes on when all have been received."""

    async def run() -> None:
        inbox, transport = make(3)
        inbox.put(message(1))
        assert transport.is_reading()
        inbox.put(message(2))
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
        inbox.put(message(1))
        inbox.count(BACKLOG_BYTES)
        assert transport.is_reading()

    asyncio.run(run())


def test_waiting() -> None:
    """A receiver that waits gets the message that comes, and one that nothing comes for gets the end."""

    async def run() -> None:
        inbox, _ = make()
        await inbox.receive()
        receivers = [asyncio.ensure_future(inbox.receive()) for _ in range(2)]
        await asyncio.sleep(0)
        assert repr(inbox) == "<Inbox open, 0 of 2 messages>"
        inbox.put(message(1))
        inbox.put(message(2))
        assert repr(inbox) == "<Inbox full, 2 of 2 messages>"
        assert [await receiver for receiver in receivers] == [message(1), message(2)]
        late = asyncio.ensure_future(inbox.receive())
        await asyncio.sleep(0)
        inbox.end(END)
        assert await late == END
        assert repr(inbox) == "<Inbox ended, 0 of 2 messages>"

    asyncio.run(run())
