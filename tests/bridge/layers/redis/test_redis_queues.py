"""Channels that are nobody's own: queues that any process may read."""

import asyncio
import contextlib
import itertools

import pytest

from hybrid.bridge.errors import ChannelFull
from tests.support.layers import run, until
from tests.support.redis import RedisServer, sharing


def test_each_message_has_one_reader(redis: RedisServer) -> None:
    """Readers in several processes get all that is sent, each message once, one reader those in order."""

    async def main() -> None:
        async with sharing(redis, 3) as layers:
            received: list[list[int]] = [[], [], []]

            async def read(number: int) -> None:
                while True:
                    received[number].append((await layers[number].receive("jobs"))["n"])

            readers = [asyncio.create_task(read(number)) for number in range(3)]
            for n in range(60):
                await layers[n % 2].send("jobs", {"n": n})
            await until(lambda: sum(map(len, received)) == 60)
            assert sorted(itertools.chain(*received)) == list(range(60))
            for reader in readers:
                reader.cancel()
            await asyncio.wait(readers)

    run(main())


def test_what_waits_is_read_later(redis: RedisServer) -> None:
    """In order, by a process that did not exist when it was sent; also what was sent by post()."""

    async def main() -> None:
        async with sharing(redis, 1) as (sender,):
            for n in range(10):
                await sender.send("jobs", {"n": 2 * n})
                sender.post("jobs", {"n": 2 * n + 1})
            assert await sender.group_count("g") == 0  # which comes after all that was posted
        async with sharing(redis, 1) as (reader,):
            assert [(await reader.receive("jobs"))["n"] for _ in range(20)] == list(range(20))

    run(main())


def test_a_full_queue(redis: RedisServer) -> None:
    """The sender is told; one that does not wait to be told has it counted."""

    async def main() -> None:
        async with sharing(redis, capacity=3) as (one, other):
            for n in range(3):
                await one.send("jobs", {"n": n})
            with pytest.raises(ChannelFull, match="'jobs' is full: 3 messages"):
                await other.send("jobs", {"n": 3})
            other.post("jobs", {"n": 4})
            await until(lambda: other.losses["full"] == 1)
            assert [(await other.receive("jobs"))["n"] for _ in range(3)] == [0, 1, 2]

    run(main())


def test_a_full_queue_loses_the_oldest(redis: RedisServer) -> None:
    """Where that is the policy; it is counted."""

    async def main() -> None:
        async with sharing(redis, 1, capacity=3, overflow="drop_oldest") as (layer,):
            for n in range(5):
                await layer.send("jobs", {"n": n})
            assert layer.losses["full"] == 2
            assert [(await layer.receive("jobs"))["n"] for _ in range(3)] == [2, 3, 4]

    run(main())


def test_what_nobody_reads_expires(redis: RedisServer) -> None:
    """It makes room, is not delivered, and is counted by whoever notices."""

    async def main() -> None:
        async with sharing(redis, 1, expiry=0.1, capacity=2) as (short,), sharing(redis, 1) as (long,):
            await short.send("jobs", {"n": 1})
            await short.send("jobs", {"n": 2})
            await long.send("other", {"n": 3})

            async def has_room() -> bool:
                with contextlib.suppress(ChannelFull):
                    await short.send("jobs", {"n": 4})
                    return True
                return False

            while not await has_room():
                await asyncio.sleep(0.01)
            assert 1 <= short.losses["expired"] <= 2
            await long.send("jobs", {"n": 5})
            while (await long.receive("jobs"))["n"] != 5:
                pass

    run(main())


def test_a_reader_that_gives_up_loses_nothing(redis: RedisServer) -> None:
    """Cancelled at any moment: what was taken for it goes to the next reader, of this process or another."""

    async def main() -> None:
        async with sharing(redis) as (one, other):
            for round_ in range(40):
                reader = asyncio.create_task(one.receive("jobs"))
                await asyncio.sleep(0)
                await other.send("jobs", {"n": round_})
                for _ in range(round_ % 8):
                    await asyncio.sleep(0)
                reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    assert await reader == {"n": round_}
                    continue
                assert await (one, other)[round_ % 2].receive("jobs") == {"n": round_}
            assert one.losses.total == other.losses.total == 0

    run(main())


def test_a_queue_in_a_group(redis: RedisServer) -> None:
    """It gets what is sent to the group, whoever is alive, until it leaves, and has room for."""

    async def main() -> None:
        async with sharing(redis, 1, capacity=2) as (first,):
            await first.group_add("g", "jobs", {"kind": "queue"})
        async with sharing(redis, capacity=2) as (one, other):
            (member,) = await one.group_members("g")
            assert (member.channel, member.metadata) == ("jobs", {"kind": "queue"})
            for n in range(3):
                await one.group_send("g", {"n": n})
            await until(lambda: one.losses["full"] == 1)
            assert [(await other.receive("jobs"))["n"] for _ in range(2)] == [0, 1]
            await other.group_discard("g", "jobs")
            await other.group_send("g", {"n": 3})
            await other.send("jobs", {"n": 4})
            assert await one.receive("jobs") == {"n": 4}
            assert await one.group_count("g") == 0

    run(main())


def test_a_queue_does_not_watch(redis: RedisServer) -> None:
    """It would be told what nobody may read for long."""

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            with pytest.raises(ValueError, match="is a queue"):
                await layer.group_watch("g", "jobs")

    run(main())
