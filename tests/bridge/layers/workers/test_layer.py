"""The layer over real sockets, with several "processes" in this one: hand-overs, sudden ends, strangers."""

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge import publish
from hybrid.bridge.errors import ChannelFull, ChannelLayerError, ConfigError
from hybrid.bridge.layers import channel_layers
from hybrid.bridge.layers.home import Kind
from hybrid.bridge.layers.life import LayersInUse
from hybrid.bridge.layers.specs import parse_layer
from hybrid.bridge.layers.workers import WorkersChannelLayer, connection, finding
from hybrid.bridge.layers.workers.framing import frame
from hybrid.bridge.layers.workers.life import State
from hybrid.bridge.layers.workers.service import Service
from hybrid.bridge.layers.workers.words import VERSION, Ask
from hybrid.bridge.shutdown import CURRENT, ShutdownNotice
from tests.support.layers import DEADLINE, run


@contextlib.asynccontextmanager
async def layers(
    folder: Path, count: int = 2, *, path: Path | None = None, **options: Any
) -> AsyncIterator[list[WorkersChannelLayer]]:
    """Have some layers at one place, open and connected, the broker's first."""
    place = str(path or folder / "run" / "s")
    made = [WorkersChannelLayer(place, history=10, **options) for _ in range(count)]
    try:
        for each in made:
            await each.open()
            await each.group_count("x")
        yield sorted(made, key=lambda each: not each.is_broker)
    finally:
        for each in made:
            await each.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds; the test's deadline ends it otherwise."""
    while not condition():
        await asyncio.sleep(0.005)


async def until_counted(layer: WorkersChannelLayer, wanted: int) -> None:
    """Wait until a group has so many members."""
    count = -1
    while count != wanted:
        with contextlib.suppress(ChannelLayerError):  # while there is no broker
            count = await layer.group_count("g")
        await asyncio.sleep(0.01)


async def member(layer: WorkersChannelLayer, group: str = "g") -> str:
    """Make a member of a group."""
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


def die(layer: WorkersChannelLayer) -> None:
    """Let a layer's connection, and the broker if it runs it, end as those of a killed process do."""
    hub = layer._hub
    assert hub is not None
    assert hub._line is not None
    hub._end()
    hub._line.abort()
    service = hub._finder.service
    if service is not None:
        assert service._timer is not None
        service._timer.cancel()
        service._stop_listening()
        for each in tuple(service._connections):
            each.abort()
        service._seat.give_up()
    layer._link = None
    layer._home.leave()


def test_a_message_is_for_all_members(tmp_path: Path) -> None:
    """Members in both processes get it, in order, with its number."""

    async def main() -> None:
        async with layers(tmp_path) as (one, other):
            channels = [(each, await member(each)) for each in (one, other, other)]
            for n in range(5):
                await other.group_send("g", {"n": n})
            for each, channel in channels:
                messages = [await each.receive(channel) for _ in range(5)]
                assert [message["n"] for message in messages] == list(range(5))
                first = messages[0]["sequence"]
                assert [message["sequence"] for message in messages] == list(range(first, first + 5))
            assert await one.group_count("g") == 3

    run(main())


def test_a_thread_publishes(tmp_path: Path) -> None:
    """A thread without a loop reaches members in the other process."""

    async def main() -> None:
        async with layers(tmp_path) as (one, other):
            channel = await member(other)
            thread = threading.Thread(target=one.publish, args=("g", {"n": 1}))
            thread.start()
            assert (await other.receive(channel))["n"] == 1
            thread.join()

    run(main())


def test_a_thread_publishes_before_anybody_has_asked_for_the_layer(tmp_path: Path) -> None:
    """The layer is made for it, and the server, which is told of that, sends the message when it has opened
    it: not a thread of the layer's own, which would end in the middle of it.
    """
    place = str(tmp_path / "run" / "s")

    async def main() -> None:
        use = LayersInUse({"default": parse_layer(f"workers://{place}")}, eager=False)
        await use.open()
        listening = WorkersChannelLayer(place)
        await listening.open()
        channel = await member(listening)
        thread = threading.Thread(target=publish, args=("g", {"type": "x", "n": 1}))
        thread.start()
        thread.join()  # the loop stands still: nobody can have opened anything yet
        made = channel_layers["default"]
        assert isinstance(made, WorkersChannelLayer)
        assert made._home.kind is Kind.NONE
        assert (await listening.receive(channel))["n"] == 1
        await listening.close()
        await use.close(1)

    channel_layers.__init__()  # type: ignore[misc]
    run(main())
    channel_layers.__init__()  # type: ignore[misc]


def test_a_broker_that_stops_hands_over_and_nobody_notices(tmp_path: Path) -> None:
    """Members, watchers, queues and histories go on with the next one, and nothing is told twice."""

    async def main() -> None:
        async with layers(tmp_path, 3) as (broker, other, third):
            channel, watcher = await member(other), await third.new_channel()
            await third.group_watch("g", watcher)
            taking = asyncio.create_task(third.receive("queue"))
            await broker.group_send("g", {"n": 0})
            await broker._set_serving(False)
            for n in range(1, 200):
                await (broker, other, third)[n % 3].group_send("g", {"n": n})
                await asyncio.sleep(0)
            await until(lambda: other.is_broker or third.is_broker)
            found = [(await other.receive(channel))["n"] for _ in range(200)]
            assert sorted(found) == list(range(200))
            for sender in range(3):
                mine = [n for n in found if n % 3 == sender]
                assert mine == sorted(mine)
            assert not broker.is_broker
            assert (await third.resume("g", None)).last == (await other.resume("g", None)).last
            await other.send("queue", {"n": -1})
            assert await taking == {"n": -1}
            await member(broker)
            assert (await third.receive(watcher))["type"] == "group.join"
            assert [each.losses.total for each in (broker, other, third)] == [0, 0, 0]

    run(main())


def test_the_server_that_stops_says_so_by_its_notice(tmp_path: Path) -> None:
    """A layer that a server has opened hands over when the server begins to stop, not when it has."""

    async def main() -> None:
        notice = ShutdownNotice()
        token = CURRENT.set(notice)
        async with layers(tmp_path, 1) as (broker,):
            CURRENT.reset(token)
            other = WorkersChannelLayer(broker.path)
            await other.open()
            await other.group_count("g")
            assert broker.is_broker
            notice.give()
            await until(lambda: other.is_broker)
            await other.close()

    run(main())


def test_another_becomes_the_broker_when_one_dies(tmp_path: Path) -> None:
    """Members are said again, those of the dead are gone, watchers hear that, and the history begins anew."""

    async def main() -> None:
        async with layers(tmp_path, 3) as (broker, other, third):
            await member(broker)
            channel, watcher = await member(other), await third.new_channel()
            await third.group_watch("g", watcher)
            await third.group_send("g", {"n": 1})
            number = (await other.receive(channel))["sequence"]
            die(broker)
            assert (await third.receive(watcher))["type"] == "group.leave"
            assert [each.channel for each in await third.group_members("g")] == [channel]
            assert (await third.resume("g", number)).gap
            await third.group_send("g", {"n": 2})
            assert (await other.receive(channel))["n"] == 2
            # Nothing about those who were there all the time.
            await third.group_discard("g", channel)
            event = await third.receive(watcher)
            assert (event["type"], event["channel"]) == ("group.leave", channel)

    run(main())


def test_histories_outlive_a_restart(tmp_path: Path) -> None:
    """When all processes have ended, the next one has what was sent; who is no more is no member."""

    async def main() -> None:
        async with layers(tmp_path, 1) as (one,):
            channel = await member(one)
            await one.group_send("g", {"n": 1})
            number = (await one.receive(channel))["sequence"]
            await one.group_send("g", {"n": 2})
            await one.send("queue", {"n": 3})
        async with layers(tmp_path, 1) as (again,):
            replay = await again.resume("g", number)
            assert ([message["n"] for message in replay.messages], replay.gap) == ([2], False)
            assert await again.receive("queue") == {"n": 3}
            assert await again.group_count("g") == 0

    run(main())


def test_a_state_that_cannot_be_read_is_said_and_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker begins anew."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "s.state").write_bytes(b"\xff" * 100)

    async def main() -> None:
        async with layers(tmp_path, 1) as (one,):
            assert await one.group_count("g") == 0

    run(main())
    assert "cannot be taken over" in caplog.text


def test_a_process_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    """What does not fit on the way to it is dropped; the members elsewhere get everything."""

    async def main() -> None:
        async with layers(tmp_path, 2, capacity=1000) as (broker, other):
            channel = await member(other)
            with socket.socket(socket.AF_UNIX) as stuck:
                stuck.connect(other.path)
                stuck.sendall(frame(Ask.HELLO, VERSION, "stuck", False) + frame(Ask.SUBSCRIBE, "g"))
                for n in range(30):
                    await other.group_send("g", {"n": n, "text": "x" * 1_000_000})
                    assert (await other.receive(channel))["n"] == n
                books = _service(broker).broker
                assert books.lost > 0
                for each in (broker, other):
                    await each.group_count("g")  # the answer comes after what has been told meanwhile
                    assert (books.nodes[each.node].lost, each.losses.total) == (0, 0)

    run(main())


def _service(layer: WorkersChannelLayer) -> Service:
    assert layer._hub is not None
    assert layer._hub._finder.service is not None
    return layer._hub._finder.service


def test_a_process_hears_what_it_has_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer counts it among its losses."""
    monkeypatch.setattr(connection, "OUT_BYTES", 10)

    async def main() -> None:
        async with layers(tmp_path, 1) as (one,):
            await member(one)
            for _ in range(10):
                await one.group_send("g", {"n": 1})
            await until(lambda: one.losses["full"])

    run(main())


def test_queues_are_for_any_process(tmp_path: Path) -> None:
    """Each message is received once; one that nobody waits for any more is for the next; full is full."""

    async def main() -> None:
        async with layers(tmp_path, capacity=2) as (one, other):
            taking = asyncio.create_task(one.receive("queue"))
            await asyncio.sleep(0.01)
            sending = asyncio.create_task(other.send("queue", {"n": 1}))
            taking.cancel()
            await asyncio.gather(taking, sending, return_exceptions=True)
            if taking.cancelled():
                assert (await other.receive("queue"))["n"] == 1
            for n in range(2):
                await one.send("queue", {"n": n})
            with pytest.raises(ChannelFull):
                await other.send("queue", {"n": 2})
            await one.flush()
            await one.send("queue", {"n": 5})
            assert await other.receive("queue") == {"n": 5}

    run(main())


def test_what_is_lost_in_queues_is_counted(tmp_path: Path) -> None:
    """By one process: what a newer message has displaced, and what nobody has taken in time."""

    async def main() -> None:
        async with layers(tmp_path, capacity=2, overflow="drop_oldest", expiry=1) as (one, other):
            for n in range(3):
                await other.send("queue", {"n": n})
            await until(lambda: one.losses.total + other.losses.total == 3)
            assert [one.losses[reason] + other.losses[reason] for reason in ("full", "expired")] == [1, 2]

    run(main())


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", frame(Ask.SYNC, 1), frame(Ask.HELLO, 99, "x", True)]
)
def test_what_speaks_otherwise_is_turned_away(tmp_path: Path, noise: bytes) -> None:
    """It gets the end of its connection, and nobody else notices."""

    async def main() -> None:
        async with layers(tmp_path, 1) as (one,):
            reader, writer = await asyncio.open_unix_connection(one.path)
            writer.write(noise)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            assert await one.group_count("g") == 0

    run(main())


def test_processes_of_others_are_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Another user's process gets the end of its connection, and the log says so."""

    async def main() -> None:
        async with layers(tmp_path, 1) as (one,):
            monkeypatch.setattr(connection, "is_trusted", lambda _: False)
            reader, writer = await asyncio.open_unix_connection(one.path)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()

    run(main())
    assert "another user" in caplog.text


def test_a_broker_of_others_is_not_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is sent waits, and the log says why, once."""
    monkeypatch.setattr(finding, "is_trusted", lambda _: False)

    async def main() -> None:
        layer = WorkersChannelLayer(str(tmp_path / "s"))
        await layer.open()
        await until(lambda: "another user listens there" in caplog.text)
        await layer.close()

    run(main())
    assert caplog.text.count("another user listens there") == 1


def test_files_of_a_killed_broker_are_in_nobodys_way(tmp_path: Path) -> None:
    """A socket that nobody listens on, and a lock that nobody holds, are replaced."""
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "run" / "s"))
    (tmp_path / "run" / "s.lock").write_text("1\n", encoding="ascii")

    async def main() -> None:
        async with layers(tmp_path, 1) as (one,):
            assert one.is_broker
            assert (tmp_path / "run" / "s.lock").read_text(encoding="ascii") == f"{os.getpid()}\n"

    run(main())
    assert not (tmp_path / "run" / "s").exists()


@pytest.mark.parametrize("name", ["", "s", "s.lock"])
def test_what_is_removed_is_made_again(tmp_path: Path, name: str) -> None:
    """The folder, the socket or the lock: who comes later meets those who were there, and nothing is lost."""
    folder = tmp_path / "run"

    async def main() -> None:
        async with layers(tmp_path, 2) as (one, other):
            channel = await member(other)
            await one.group_send("g", {"n": 1})
            if name:
                (folder / name).unlink()
            else:
                shutil.rmtree(folder)
            await until(lambda: (folder / "s").exists() and (folder / "s.lock").exists())
            async with layers(tmp_path, 1) as (third,):
                assert one.is_broker
                await third.group_send("g", {"n": 2})
                received = [(await other.receive(channel))["n"] for _ in range(2)]
                assert received == [1, 2]
                assert len((await third.resume("g", 0)).messages) == 2
        assert [each.name for each in folder.iterdir()] == ["s.state"]  # for the next broker

    run(main())


def test_another_broker_came_when_the_folder_was_removed(tmp_path: Path) -> None:
    """There is one broker in the end, and all meet there."""

    async def main() -> None:
        async with layers(tmp_path, 2) as (one, other):
            channel = await member(other)
            shutil.rmtree(tmp_path / "run")
            async with layers(tmp_path, 1) as (third,):
                await until(lambda: not one.is_broker)
                await until_counted(third, 1)
                assert third.is_broker
                await third.group_send("g", {"n": 1})
                assert (await other.receive(channel))["n"] == 1
                await one.group_send("g", {"n": 2})
                assert (await other.receive(channel))["n"] == 2
                assert {each.name for each in (tmp_path / "run").iterdir()} == {"s", "s.lock"}

    run(main())


def test_who_does_not_serve_makes_no_folder(tmp_path: Path) -> None:
    """A script that is told of a place where nobody is counts what it could not send."""

    async def main() -> None:
        layer = WorkersChannelLayer(str(tmp_path / "run" / "s"), expiry=0.2)
        await layer.group_send("g", {"n": 1})
        await until(lambda: layer.losses["disconnected"])
        await layer.close()

    run(main())
    assert list(tmp_path.iterdir()) == []


def test_a_child_process_does_not_keep_connections(tmp_path: Path) -> None:
    """Members of a process are gone when it is killed, though a child of it lives on."""
    receiving, sending = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(sending)
            asyncio.run(_be_member_and_fork(str(tmp_path / "s"), receiving))
        finally:
            os._exit(0)
    os.close(receiving)

    async def main() -> None:
        layer = WorkersChannelLayer(str(tmp_path / "s"))
        await layer.open()
        await until_counted(layer, 1)
        os.kill(process, signal.SIGKILL)
        await until_counted(layer, 0)
        await layer.close()

    try:
        run(main())
    finally:
        os.close(sending)  # which ends the child's child
        os.waitpid(process, 0)


async def _be_member_and_fork(path: str, until_closed: int) -> None:
    layer = WorkersChannelLayer(path)
    await layer.open()
    await member(layer)
    if os.fork() == 0:
        os.read(until_closed, 1)
        os._exit(0)
    await asyncio.sleep(DEADLINE)


def test_a_message_larger_than_a_frame_is_no_option(tmp_path: Path) -> None:
    """What could not be carried is refused when the layer is made."""
    with pytest.raises(ConfigError, match="max_message_size"):
        WorkersChannelLayer(str(tmp_path / "s"), max_message_size=17 * 1024 * 1024)


def test_a_loop_that_ends_gives_up_the_place(tmp_path: Path) -> None:
    """A program whose loop ends, and was the broker, lets the next one be it, with all that was kept."""
    layer = WorkersChannelLayer(str(tmp_path / "s"), history=10)

    async def first() -> None:
        await layer.group_send("g", {"n": 1})
        assert layer.is_broker

    run(first())
    gc.collect()
    assert not (tmp_path / "s").exists()

    async def second() -> None:
        async with layers(tmp_path, 1, path=tmp_path / "s") as (other,):
            assert other.is_broker
            assert [message["n"] for message in (await other.resume("g", None)).messages] == [1]

    run(second())


def test_the_server_takes_over_from_a_script(tmp_path: Path) -> None:
    """A program that only uses the layer is the broker for as long as no server is there."""

    async def main() -> None:
        script = WorkersChannelLayer(str(tmp_path / "s"))
        assert await script.group_count("g") == 0
        assert script.is_broker
        async with layers(tmp_path, 1, path=tmp_path / "s") as (server,):
            await until(lambda: server.is_broker)
            await until(lambda: not script.is_broker)
            assert await script.group_count("g") == 0
        await script.close()

    run(main())


def test_who_begins_to_wait_during_a_hand_over_takes_one_message(tmp_path: Path) -> None:
    """Waiting for a queue is said to the next broker once, whenever it began, and loses no other message."""

    async def main() -> None:
        async with layers(tmp_path, 2) as (broker, other):
            hub = other._hub
            assert hub is not None
            taking = [asyncio.create_task(other.receive("queue"))]
            await broker._set_serving(False)
            while hub.state is not State.MOVING:  # which is over in a moment
                await asyncio.sleep(0)
            taking.append(asyncio.create_task(other.receive("queue")))
            await until(lambda: other.is_broker and hub.state is State.CONNECTED)
            for n in range(4):
                await broker.send("queue", {"n": n})
            assert [(await each)["n"] for each in taking] == [0, 1]
            assert [(await broker.receive("queue"))["n"] for _ in range(2)] == [2, 3]

    run(main())
