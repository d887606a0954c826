"""publish() from any thread: several threads, several loops, loops that are gone, and other hazards."""

import asyncio
import contextlib
import gc
import threading
from typing import Any

import pytest

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers import InMemoryChannelLayer
from tests.support.layers import DEADLINE, Clock, in_threads, member, publish, run, waiting


def test_publishing_without_members_does_nothing() -> None:
    """Neither a loop nor a member is needed, and nothing piles up."""
    layer = InMemoryChannelLayer(backlog=1)
    for _ in range(10):
        layer.publish("board", {"type": "test"})
    assert layer.losses["full"] == 0
    assert "<Backlog: 0 of 1 items, 0 loops>" in repr(layer)


def test_publishing_from_the_loop_itself() -> None:
    """publish() may be called where await is possible; order with send() is kept."""

    async def main() -> list[dict[str, Any]]:
        layer = InMemoryChannelLayer()
        channel = await member(layer)
        layer.publish("board", {"n": 1})
        await layer.send(channel, {"n": 2})
        layer.publish("board", {"n": 3})
        await layer.group_discard("board", channel)
        return await waiting(layer, channel)

    assert run(main()) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_many_threads_publish_to_readers_that_keep_up() -> None:
    """Every member gets every message of every thread, each thread's in order, and nothing is dropped."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=2000)
        channels = [await member(layer) for _ in range(3)]

        async def read(channel: str) -> list[dict[str, Any]]:
            return [await layer.receive(channel) for _ in range(8 * 100)]

        readers = [asyncio.create_task(read(channel)) for channel in channels]

        def write(thread: int) -> None:
            for n in range(100):
                layer.publish("board", {"thread": thread, "n": n})

        await asyncio.to_thread(in_threads, 8, write)
        for received in await asyncio.gather(*readers):
            for thread in range(8):
                assert [m["n"] for m in received if m["thread"] == thread] == list(range(100))
        assert (layer.losses["full"], layer.losses["expired"]) == (0, 0)

    run(main())


def test_a_burst_larger_than_a_channel_reaches_a_prompt_reader_whole() -> None:
    """While the loop is busy a thread publishes far more than one channel holds; the backlog keeps it."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=10)
        channel = await member(layer)

        async def read() -> list[int]:
            return [(await layer.receive(channel))["n"] for _ in range(500)]

        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        # Joining a thread here blocks the loop, as a callback that takes long would.
        in_threads(1, lambda _: publish(layer, 500))
        assert await reader == list(range(500))
        assert layer.losses["full"] == 0

    run(main())


def test_a_full_backlog_drops_for_every_member_and_counts() -> None:
    """What a loop that stands still cannot take over is dropped once for each member."""

    async def main() -> None:
        layer = InMemoryChannelLayer(backlog=5)
        channels = [await member(layer) for _ in range(3)]
        in_threads(1, lambda _: publish(layer, 7))
        assert layer.losses["full"] == 2 * 3
        for channel in channels:
            assert [message["n"] for message in await waiting(layer, channel)] == [0, 1, 2, 3, 4]

    run(main())


def test_every_message_is_received_dropped_or_still_there() -> None:
    """Threads that publish more than a slow member reads: the books balance, and order is kept."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=5, backlog=50)
        channel = await member(layer)
        received: list[dict[str, Any]] = []

        async def read_slowly() -> None:
            while True:
                received.append(await layer.receive(channel))
                for _ in range(5):
                    await asyncio.sleep(0)

        reader = asyncio.create_task(read_slowly())

        def write(thread: int) -> None:
            for n in range(300):
                layer.publish("board", {"thread": thread, "n": n})

        await asyncio.to_thread(in_threads, 4, write)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
        received += await waiting(layer, channel)
        assert len(received) + layer.losses["full"] == 4 * 300
        for thread in range(4):
            numbers = [message["n"] for message in received if message["thread"] == thread]
            assert numbers == sorted(set(numbers))

    run(main())


def test_joining_and_leaving_while_threads_publish() -> None:
    """Members that come and go at the same time disturb neither the publishers nor those who stay."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=2000)
        stays = await member(layer)
        publishing = asyncio.create_task(asyncio.to_thread(in_threads, 4, lambda _: publish(layer, 200)))
        while not publishing.done():
            passing = await member(layer)
            await asyncio.sleep(0)
            await waiting(layer, passing)
            await layer.group_discard("board", passing)
        await publishing
        assert len(await waiting(layer, stays)) + layer.losses["full"] >= 4 * 200
        assert layer.losses["full"] == 0

    run(main())


def test_publishing_after_the_loop_was_closed() -> None:
    """A thread that publishes when the readers' loop is gone gets no error, and memory stays bounded."""
    layer = InMemoryChannelLayer(backlog=3)

    async def main() -> None:
        channel = await member(layer)
        layer.publish("board", {"n": 0})
        await layer.receive(channel)

    run(main())
    publish(layer, 5)
    assert layer.losses["full"] == 2
    assert "<Backlog: 3 of 3 items, 1 loops>" in repr(layer)


def test_loops_in_turn() -> None:
    """What was sent while one loop ran, or none, is received on the next; closed loops are forgotten."""
    layer = InMemoryChannelLayer()
    channel = run(member(layer))
    for n in range(10):
        run(layer.send(channel, {"sent": n}))
        layer.publish("board", {"published": n})
        assert run(waiting(layer, channel)) == [{"sent": n}, {"published": n}]
    assert "0 channels waited on, <Backlog: 0 of 1024 items, 1 loops>" in repr(layer)


def test_a_reader_whose_loop_was_closed_takes_nothing_with_it() -> None:
    """A receive() that never ended, because its loop was closed, swallows no message of the next reader."""
    layer = InMemoryChannelLayer()
    channel = run(member(layer))
    loop = asyncio.new_event_loop()
    abandoned = loop.create_task(layer.receive(channel))
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    layer.publish("board", {"n": 1})
    run(layer.send(channel, {"n": 2}))
    assert run(waiting(layer, channel)) == [{"n": 1}, {"n": 2}]
    assert "0 channels waited on" in repr(layer)


def test_two_loops_at_once() -> None:
    """Members on two running loops both get what a third thread publishes, and can send to each other."""
    layer = InMemoryChannelLayer()
    ready = threading.Barrier(3)
    results: dict[int, list[dict[str, Any]]] = {}

    def serve(number: int) -> None:
        async def main() -> None:
            await layer.group_add("board", f"c{number}")
            first = asyncio.create_task(layer.receive(f"c{number}"))
            await asyncio.sleep(0)
            await asyncio.to_thread(ready.wait, DEADLINE)
            messages = [await first]
            await layer.send(f"c{1 - number}", {"from": number})
            messages.append(await layer.receive(f"c{number}"))
            results[number] = messages

        run(main())

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    ready.wait(DEADLINE)
    layer.publish("board", {"n": 1})
    for thread in threads:
        thread.join()
    assert results == {0: [{"n": 1}, {"from": 1}], 1: [{"n": 1}, {"from": 0}]}


def test_group_send_from_a_short_lived_loop() -> None:
    """A synchronous view that runs group_send() on a loop of its own reaches members on the server's loop."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        channel = await member(layer)
        reader = asyncio.create_task(layer.receive(channel))
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: asyncio.run(layer.group_send("board", {"n": 1})))
        assert await reader == {"n": 1}

    run(main())


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_coroutine_that_runs_without_a_loop_wakes_readers(cancelled: bool) -> None:
    """As in a finaliser on another thread: the loop is told; a reader cancelled by then is no error."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        channel = await member(layer)
        reader = asyncio.create_task(layer.receive(channel))
        await asyncio.sleep(0)

        def leave(_: int) -> None:
            layer.publish("board", {"n": 1})
            with contextlib.suppress(StopIteration):
                layer.group_discard("board", channel).send(None)

        in_threads(1, leave)
        if cancelled:
            reader.cancel()
            assert await waiting(layer, channel) == [{"n": 1}]
        else:
            assert await reader == {"n": 1}

    run(main())


@pytest.mark.parametrize("overflow", ["drop_newest", "drop_oldest", "close"])
def test_a_burst_and_a_new_member_lose_nothing_of_a_prompt_reader(overflow: Any) -> None:
    """What changes groups has everything delivered at once, and readers have had no turn: nothing is lost."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=5, overflow=overflow)
        channel = await member(layer)
        received: list[int] = []

        async def read() -> None:
            while len(received) < 300:
                received.append((await layer.receive(channel))["n"])

        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        for n in range(300):
            await layer.group_send("board", {"n": n})
            if n % 100 == 50:
                await layer.group_add("board", f"c{n}")
        await reader
        assert received == list(range(300))

    run(main())


def test_a_reader_that_was_woken_may_not_be_sent_more_for_ever() -> None:
    """One that gets no turn has the capacity and a backlog, and then loses messages."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=5, backlog=8)
        channel = await member(layer)
        reader = asyncio.create_task(layer.receive(channel))
        await asyncio.sleep(0)
        for n in range(20):
            layer.publish("board", {"n": n})
            await layer.group_discard("board", "nobody")
        assert layer.losses["full"] == 20 - 5 - 8
        assert await reader == {"n": 0}
        assert len(await waiting(layer, channel)) == 12

    run(main())


def test_posts_arrive_in_order_with_what_is_published_and_sent() -> None:
    """From a thread, to a member of a group: one order for all; what has no room is counted."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=7)
        channel = await member(layer)

        def work(_: int) -> None:
            for n in range(3):
                layer.post(channel, {"n": 2 * n})
                layer.publish("board", {"n": 2 * n + 1})

        in_threads(1, work)
        await layer.send(channel, {"n": 6})
        layer.post(channel, {"n": 7})
        await layer.group_discard("board", "nobody")
        assert layer.losses["full"] == 1
        assert [message["n"] for message in await waiting(layer, channel)] == list(range(7))

    run(main())


def test_a_post_is_lost_when_too_much_waits_or_too_long() -> None:
    """Each is counted as what it is."""
    clock = Clock()
    layer = InMemoryChannelLayer(expiry=10, backlog=2, clock=clock)
    for _ in range(3):
        layer.post("c", {})
    assert layer.losses.as_dict() == {"full": 1, "expired": 0, "disconnected": 0}
    clock.now = 10
    assert run(waiting(layer, "c")) == []
    assert layer.losses["expired"] == 2


def test_losses_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """With the channel that is concerned; once, and what follows when the layer closes."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=1)
        await layer.group_add("board", "slow")
        publish(layer, 2)
        await layer.group_discard("board", "nobody")
        publish(layer, 3)
        await layer.group_discard("board", "nobody")
        await layer.close()

    run(main())
    assert caplog.messages == [
        "InMemoryChannelLayer: messages lost: 1 full (the last one for channel slow)",
        "InMemoryChannelLayer: messages lost: 3 full",
    ]


# Overflow


def test_a_slow_reader_is_told_once_for_each_overflow() -> None:
    """On its own loop; there is another one only after it has read. `None` forgets it."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=2, overflow="close")
        channel = await member(layer)
        told: list[int] = []
        layer.on_overflow(channel, lambda: told.append(threading.get_ident()))

        async def overfill() -> None:
            await asyncio.to_thread(publish, layer, 5)
            with pytest.raises(ChannelFull):
                await layer.send(channel, {})
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        await overfill()
        assert told == [threading.get_ident()]
        await overfill()
        assert len(told) == 1
        assert [message["n"] for message in await waiting(layer, channel)] == [0, 1]
        await overfill()
        assert len(told) == 2
        await layer.receive(channel)
        layer.on_overflow(channel, None)
        await overfill()
        assert len(told) == 2

    run(main())


def test_one_that_asks_no_more_is_not_told_what_was_on_its_way() -> None:
    """A callback that is forgotten between the overflow and its call is not called."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=1, overflow="close")
        channel = await member(layer)
        layer.on_overflow(channel, lambda: pytest.fail("it was called"))
        publish(layer, 2)
        await layer.group_discard("board", "nobody")
        layer.on_overflow(channel, None)
        await asyncio.sleep(0)

    run(main())


def test_an_overflow_when_the_readers_loop_is_gone() -> None:
    """Nobody is told, and that is no error."""
    layer = InMemoryChannelLayer(capacity=1, overflow="close")

    async def begin() -> str:
        channel = await member(layer)
        layer.on_overflow(channel, lambda: pytest.fail("it was called"))
        return channel

    run(begin())
    publish(layer, 2)
    run(layer.group_discard("board", "nobody"))
    assert layer.losses["full"] == 1


def test_the_oldest_gives_way() -> None:
    """send() is not refused then, and what is dropped is counted."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=2, overflow="drop_oldest")
        channel = await member(layer)
        publish(layer, 3)
        await layer.send(channel, {"n": 3})
        assert await waiting(layer, channel) == [{"n": 2}, {"n": 3}]
        assert layer.losses["full"] == 2

    run(main())


# Hazards


def test_members_that_vanish_cost_no_more_than_their_messages_until_they_expire() -> None:
    """Channels of readers that never came back are emptied, their memberships end, and nothing is left."""

    async def main() -> None:
        clock = Clock()
        layer = InMemoryChannelLayer(expiry=60, group_expiry=600, capacity=10, clock=clock)
        for _ in range(50):
            await member(layer)
        for n in range(30):
            await layer.group_send("board", {"n": n})
        await layer.send("other", {})
        assert layer.losses["full"] == 50 * 20
        assert "messages wait in 51 channels>, <Memberships: 1 groups>" in repr(layer)
        clock.now = 120
        await layer.group_discard("board", "nobody")
        assert "messages wait in 0 channels>, <Memberships: 1 groups>" in repr(layer)
        clock.now = 600
        await layer.group_discard("board", "nobody")
        assert "messages wait in 0 channels>, <Memberships: 0 groups>" in repr(layer)

    run(main())


def test_a_call_from_inside_a_call_does_not_block() -> None:
    """A finaliser or a signal handler may use the layer on a thread that is inside it: no deadlock."""
    layer = InMemoryChannelLayer()

    class Meddler(Clock):
        done = False

        def __call__(self) -> float:
            if not self.done:
                self.done = True
                layer.publish("board", {"n": "nested"})
                with contextlib.suppress(StopIteration):
                    layer.group_discard("board", "leaver").send(None)
            return 0.0

    async def main() -> None:
        channel = await member(layer)
        await layer.group_add("board", "leaver")
        layer._switchboard.clock = Meddler()
        await layer.send(channel, {"n": "outer"})
        assert [message["n"] for message in await waiting(layer, channel)] == ["nested", "outer"]

    run(main())


def test_a_consumer_that_the_garbage_collector_finishes_may_leave_its_groups() -> None:
    """A coroutine whose loop is gone runs its `finally` in the collector: that works and does not hang."""
    layer = InMemoryChannelLayer()

    async def consumer() -> None:
        await layer.group_add("board", "c")
        try:
            await layer.receive("c")
        finally:
            await layer.group_discard("board", "c")

    loop = asyncio.new_event_loop()
    task = loop.create_task(consumer())
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert "board" in layer._books.members
    run(waiting(layer, "other"))  # the next loop; what the closed one held is let go
    del task
    gc.collect()
    assert "board" not in layer._books.members
