"""What a process says while one broker makes way for the next, when not all goes as it should."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.layers.hub import HubEvents, Sending
from hybrid.bridge.layers.workers import life
from hybrid.bridge.layers.workers.framing import Unframer, frame
from hybrid.bridge.layers.workers.hub import WorkersHub
from hybrid.bridge.layers.workers.life import State
from hybrid.bridge.layers.workers.words import Ask, Tell
from tests.support.layers import run, until


class FakeBroker:
    """One broker after another at the same place, which notes what it hears, and says what the test says.

    Attributes:
        heard: on each connection, each word, and what belongs to it.
    """

    def __init__(self) -> None:
        self.heard: list[list[list[Any]]] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Listen to a process."""
        heard: list[list[Any]] = []
        self.heard.append(heard)
        self._writers.append(writer)
        unframer = Unframer()
        while data := await reader.read(65536):
            heard += unframer.feed(data)
        writer.close()

    def tell(self, *items: object) -> None:
        """Say something on the newest connection."""
        self._writers[-1].write(frame(*items))

    def die(self) -> None:
        """End the newest connection, as a broker does that is killed."""
        self._writers[-1].close()

    async def enter(self, number: int, *, is_known: bool) -> None:
        """Welcome the process on its connection of this number."""
        await until(lambda: len(self.heard) > number and self.heard[number])
        self.tell(Tell.WELCOME, is_known)

    async def move(self) -> None:
        """Say that there will be another broker, and hear that the process has understood."""
        self.tell(Tell.MOVING)
        await until(lambda: [Ask.BYE, False] in self.heard[-1])

    def said(self, word: Ask) -> list[list[Any]]:
        """Return what came with a word on the newest connection."""
        return [each[1:] for each in self.heard[-1] if each[0] == word]


class Told:
    """What the hub has told its layer."""

    def __init__(self) -> None:
        self.news: list[str] = []
        self.lost = 0
        self.events = HubEvents(
            delivered=self._nothing,
            changed=self._nothing,
            flushed=self._nothing,
            connected=lambda: self.news.append("connected"),
            disconnected=lambda: self.news.append("disconnected"),
            room=lambda: None,
            lost=self._count,
        )

    async def _nothing(self, *_: object) -> None:
        raise AssertionError("nobody has said such a thing")

    def _count(self, reason: str, number: int, example: str) -> None:
        self.lost += number


@contextlib.asynccontextmanager
async def moving(folder: Path) -> AsyncIterator[tuple[FakeBroker, WorkersHub, Told]]:
    """Have a hub that is connected, with a broker that is about to say that it moves."""
    broker, told = FakeBroker(), Told()
    server = await asyncio.start_unix_server(broker.serve, folder / "s")
    hub = WorkersHub(str(folder / "s"), is_fit=False)
    hub.open("node", told.events)
    await broker.enter(0, is_known=False)
    await until(lambda: hub.state is State.CONNECTED)
    try:
        yield broker, hub, told
    finally:
        await hub.close()
        server.close()


@pytest.mark.parametrize("is_known", [True, False])
def test_what_a_broker_did_not_answer_fails(tmp_path: Path, is_known: bool) -> None:
    """A broker that dies while it hands over leaves nobody waiting; what came later has an answer."""

    async def main() -> None:
        async with moving(tmp_path) as (broker, hub, _):
            early = hub.sync()
            await broker.move()
            late = hub.sync()
            broker.die()
            with pytest.raises(ConnectionError):
                await early
            await broker.enter(1, is_known=is_known)
            await until(lambda: broker.said(Ask.SYNC))
            [[ticket]] = broker.said(Ask.SYNC)
            broker.tell(Tell.ANSWER, ticket, True)
            await late

    run(main())


@pytest.mark.parametrize("is_known", [True, False])
def test_who_waits_for_a_queue_waits_with_the_next_broker(tmp_path: Path, is_known: bool) -> None:
    """Each question is put to it once, and each answer has somebody who takes the message."""

    async def main() -> None:
        async with moving(tmp_path) as (broker, hub, _):
            waiting = [hub.take("q"), hub.take("q")]
            waiting.pop().cancel()
            await broker.move()
            waiting.append(hub.take("q"))
            broker.die()
            await broker.enter(1, is_known=is_known)
            await until(lambda: len(broker.said(Ask.TAKE)) == 2)
            for n, (ticket, _) in enumerate(sorted(broker.said(Ask.TAKE))):
                broker.tell(Tell.ANSWER, ticket, [b"%d" % n, 60.0])
            assert [await each for each in waiting] == [b"0", b"1"]

    run(main())


def test_a_message_without_room_is_in_nobodys_way(tmp_path: Path) -> None:
    """It is counted; what is smaller, and said after it, comes to the next broker."""

    async def main() -> None:
        async with moving(tmp_path) as (broker, hub, told):
            await broker.move()
            for _ in range(2):
                hub.publish("g", b"x" * 5_000_000, Sending(0, 0))
            hub.subscribe("g")
            assert told.lost == 1
            broker.die()
            await broker.enter(1, is_known=True)
            await until(lambda: broker.said(Ask.SUBSCRIBE) == [["g"]])
            assert len(broker.said(Ask.PUBLISH)) == 1
            assert told.news == ["connected"]

    run(main())


@pytest.mark.parametrize("way", ["a word", "a question"])
def test_what_has_to_arrive_and_has_no_room_is_said_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The layer hears that there is no connection, and with the next one says everything again."""

    async def main() -> None:
        async with moving(tmp_path) as (broker, hub, told):
            await broker.move()
            monkeypatch.setattr(life, "_HELD_BYTES", 10)
            if way == "a word":
                hub.subscribe("a group with a long name")
            else:
                with pytest.raises(ConnectionError):
                    await hub.leave("a group with a long name", "specific.node!1")
            assert told.news == ["connected", "disconnected"]
            broker.die()
            await broker.enter(1, is_known=True)
            await until(lambda: told.news[2:] == ["connected"])

    run(main())


def test_a_line_without_room_for_what_has_to_arrive_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is with a broker that does not read: the process connects anew, and says everything again."""

    async def main() -> None:
        async with moving(tmp_path) as (broker, hub, told):
            line = hub._line
            assert line is not None
            monkeypatch.setattr(line, "send", lambda _: False)
            hub.subscribe("g")
            await broker.enter(1, is_known=False)
            await until(lambda: told.news == ["connected", "disconnected", "connected"])

    run(main())
