"""Broadcasts of a little server in the same loop; nothing depends on how fast it is."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.loads import broadcast as load_of_broadcasts
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Broadcast, Plan
from benchmarks.loads.websocket import TEXT, frame
from tests.benchmarks.loads.wire import UPGRADED, Wire

Chat = Callable[[set[ServerConnection], str, int], None]  # members, message, and its number


def to_all(members: set[ServerConnection], message: str, _number: int) -> None:
    """Do as asked."""
    broadcast(members, message)


def changed(members: set[ServerConnection], message: str, _number: int) -> None:
    """Send something else."""
    broadcast(members, message[1:] + "!")


def ending(members: set[ServerConnection], message: str, number: int) -> None:
    """Close a connection after some messages."""
    broadcast(members, message)
    if number == 5:
        next(iter(members)).transport.abort()


def run(chat: Chat, load: Broadcast, seconds: float = 0.5) -> Outcome:
    """Measure a server that passes messages on in this way."""
    members: set[ServerConnection] = set()
    sizes: set[int] = set()

    async def handle(member: ServerConnection) -> None:
        members.add(member)
        number = 0
        async for message in member:
            assert isinstance(message, str)
            sizes.add(len(message))
            number += 1
            chat(members, message, number)

    async def go() -> Outcome:
        async with serve(handle, "127.0.0.1", 0, compression=None) as server, asyncio.timeout(20):
            port = server.sockets[0].getsockname()[1]
            return await load_of_broadcasts.measure(Plan(os.getpid(), port, 0.01, seconds, load), load)

    outcome = asyncio.run(go())
    assert sizes <= {load.size}
    return outcome


def test_every_delivery_is_an_answer() -> None:
    """All of the crowd receive each message before the next one is sent."""
    outcome = run(to_all, Broadcast(100, connections=7))
    assert outcome.first_error == ""
    assert outcome.answers > 7


@pytest.mark.parametrize(
    ("chat", "reason"),
    [
        (changed, "unexpected frames"),
        (ending, "connection closed by the server"),
    ],
)
def test_a_wrong_delivery_ends_the_measurement(chat: Chat, reason: str) -> None:
    """The reason is in the outcome, and the generator does not wait for what will not come."""
    assert reason in run(chat, Broadcast(100, connections=3), seconds=20).first_error


def test_a_message_that_comes_twice_is_an_error() -> None:
    """One delivery too many does not stand for one that is missing."""
    crowd = load_of_broadcasts.Crowd(Broadcast(4, connections=2))
    members = [crowd.build(), crowd.build()]
    for member in members:
        member.connection_made(Wire())
        member.data_received(UPGRADED)
    crowd.speak()
    members[0].data_received(frame(TEXT, b"xxxx"))
    assert not crowd.meter.errors
    members[0].data_received(frame(TEXT, b"xxxx"))
    assert "came twice" in crowd.meter.errors[0]
    assert crowd.done.is_set()


def without_a_crowd(answer: bytes) -> Outcome:
    """Measure a server that gives this answer to every handshake and waits for the client to leave."""
    tasks: list[asyncio.Task[None]] = []
    load = Broadcast(100, connections=3)

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(serve_one(reader, writer)))

    async def go() -> Outcome:
        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server, asyncio.timeout(20):
            port = server.sockets[0].getsockname()[1]
            outcome = await load_of_broadcasts.measure(Plan(os.getpid(), port, 0, 1, load), load)
            while len(tasks) < load.connections:
                await asyncio.sleep(0.001)
            await asyncio.gather(*tasks)
        return outcome

    return asyncio.run(go())


def test_a_server_that_refuses_is_an_error() -> None:
    """There is no measurement without all WebSockets."""
    answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    assert "handshake refused" in without_a_crowd(answer).first_error


def test_a_server_that_opens_too_few_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends, with a reason for the table."""
    monkeypatch.setattr(load_of_broadcasts, "JOINING", 0.05)
    assert "not all WebSockets were open" in without_a_crowd(b"").first_error


def test_a_client_that_is_not_connected_is_none_to_close() -> None:
    """Who gives up while one of the crowd still connects is told why, and of no other error."""
    crowd = load_of_broadcasts.Crowd(Broadcast(4, connections=2))
    connected = crowd.build()
    wire = Wire()
    connected.connection_made(wire)
    crowd.build()
    crowd.close()
    assert wire.aborted
