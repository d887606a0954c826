"""What was sent to groups, kept in Redis."""

import asyncio

import pytest

from tests.support.layers import run
from tests.support.redis import RedisServer, sharing


def test_resuming(redis: RedisServer) -> None:
    """Another process than the sender's gives what was missed, numbered, and says when some of it is gone."""

    async def main() -> None:
        async with sharing(redis, history={"kept.*": 5}) as (one, other):
            nothing = await other.resume("kept.a", None)
            assert (nothing.messages, nothing.last, nothing.gap) == ([], 0, False)
            assert (await other.resume("kept.a", 17)).gap
            for n in range(8):
                await one.group_send("kept.a", {"n": n})
                await one.group_send("not", {"n": n})
            await one.group_count("kept.a")
            everything = await other.resume("kept.a", None)
            first = everything.messages[0]["sequence"]
            assert everything.messages == [{"n": n, "sequence": first + n - 3} for n in range(3, 8)]
            assert (everything.last, everything.gap) == (first + 4, False)
            for after, expected, gap in [
                (first + 4, [], False),
                (first + 2, [6, 7], False),
                (first - 1, [3, 4, 5, 6, 7], False),
                (first - 2, [3, 4, 5, 6, 7], True),
                (0, [3, 4, 5, 6, 7], True),
                (first + 99, [3, 4, 5, 6, 7], True),
            ]:
                replay = await other.resume("kept.a", after)
                assert ([each["n"] for each in replay.messages], replay.gap) == (expected, gap), after
                assert replay.last == first + 4
            assert (await other.resume("not", None)).messages == []

    run(main())


def test_a_history_expires(redis: RedisServer) -> None:
    """What comes after it has larger numbers, and a gap before."""

    async def main() -> None:
        async with sharing(redis, 1, history=5, history_expiry=1) as (layer,):
            await layer.group_send("g", {"n": 1})
            before = (await layer.resume("g", None)).last
            while (await layer.resume("g", None)).messages:
                await asyncio.sleep(0.01)
            await layer.group_send("g", {"n": 2})
            replay = await layer.resume("g", before)
            assert replay.gap
            assert replay.last > before + 1
            assert [each["n"] for each in replay.messages] == [2]

    run(main())


@pytest.mark.parametrize("is_member", [False, True])
def test_resuming_amid_traffic(redis: RedisServer, is_member: bool) -> None:
    """The answer and what arrives after it are the whole, without a hole and nothing twice."""

    async def main() -> None:
        async with sharing(redis, history=10_000, capacity=10_000) as (one, other):

            async def send() -> None:
                for n in range(2000):
                    await one.group_send("g", {"n": n})
                    if n % 10 == 0:
                        await asyncio.sleep(0)

            sending = asyncio.create_task(send())
            for _ in range(10):
                channel = await other.new_channel()
                if is_member:
                    await other.group_add("g", channel)
                replay = await other.resume("g", None, channel, {"name": "x"})
                numbers = [each["n"] for each in replay.messages]
                while len(numbers) < 2000 and (not sending.done() or numbers[-1:] != [1999]):
                    message = await other.receive(channel)
                    numbers.append(message["n"])
                    if len(numbers) > len(replay.messages) + 100:
                        break
                assert numbers == list(range(len(numbers)))
                await other.group_discard("g", channel)
            await sending
            assert one.losses.total == other.losses.total == 0

    run(main())


def test_resuming_is_joining(redis: RedisServer) -> None:
    """With what one says of oneself, told to those who watch; a channel of another process cannot."""

    async def main() -> None:
        async with sharing(redis, history=5) as (one, other):
            watcher, channel = await other.new_channel(), await one.new_channel()
            await other.group_watch("g", watcher)
            await one.resume("g", 5, channel, {"name": "x"})
            assert (await other.receive(watcher))["metadata"] == {"name": "x"}
            assert [each.channel for each in await other.group_members("g")] == [channel]
            with pytest.raises(ValueError, match="not of this process"):
                await one.resume("g", None, watcher)
            one.close_channel(channel)
            await one.resume("g", None, channel)
            assert await one.group_count("g") == 0

    run(main())


def test_taken_for_dead_amid_traffic(redis: RedisServer) -> None:
    """A process whose lease has ended says everything again, and its members get nothing twice."""

    async def main() -> None:
        async with sharing(redis, history=10_000, capacity=10_000, lease=0.06) as (one, other):
            channel = await one.new_channel()
            await one.group_add("g", channel)

            async def send() -> None:
                for n in range(2000):
                    await other.group_send("g", {"n": n})
                    if n % 100 == 0:
                        await asyncio.to_thread(redis.command, "ZREM", "hybrid:0:nodes", one.node)

            sending = asyncio.create_task(send())
            received = [(await one.receive(channel))["n"] for _ in range(2000)]
            await sending
            assert received == list(range(2000))
            assert one.losses.total == 0

    run(main())
