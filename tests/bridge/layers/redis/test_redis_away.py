"""Redis is killed, comes back, or was never there; connections break."""

import asyncio
import logging
from typing import Any

import pytest

from hybrid.bridge.errors import ChannelLayerError
from hybrid.bridge.layers.redis import RedisChannelLayer
from tests.support.layers import run, until
from tests.support.redis import RedisServer, sharing


async def member(layer: RedisChannelLayer, metadata: dict[str, Any] | None = None) -> str:
    """Make a channel that belongs to a group."""
    channel = await layer.new_channel()
    await layer.group_add("g", channel, metadata)
    return channel


async def lost(layer: RedisChannelLayer) -> None:
    """Return when a layer has noticed that it has no connection."""
    await until(lambda: "AWAY" in repr(layer))


def test_messages_flow_again(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """Killed and started again, without a trace of what was there: members are members, what was sent
    meanwhile arrives, and nothing arrives twice. The log says so once each.
    """

    async def main() -> None:
        async with sharing(redis) as (one, other):
            channel = await member(other, {"name": "x"})
            await one.group_send("g", {"n": 0})
            assert await other.receive(channel) == {"n": 0}
            redis.kill()
            await lost(one)
            for n in (1, 2):
                await one.group_send("g", {"n": n})
            await one.send("jobs", {"n": 3})
            joined = await member(one)
            await lost(other)
            await asyncio.to_thread(redis.start)
            await one.group_send("g", {"n": 4})
            received = [(await one.receive(joined))["n"] for _ in range(3)]
            # The other process may have come back after the one that sent.
            assert received == [1, 2, 4]
            assert await one.receive("jobs") == {"n": 3}
            await until(lambda: "CONNECTED" in repr(other))
            await one.group_send("g", {"n": 5})
            after: list[int] = []
            while after[-1:] != [5]:
                after.append((await other.receive(channel))["n"])
            assert after == sorted(set(after))
            assert {each.channel for each in await one.group_members("g")} == {channel, joined}
            assert {"name": "x"} in [each.metadata for each in await one.group_members("g")]

    with caplog.at_level(logging.WARNING, "hybrid.layers"):
        run(main())
    said = [record.getMessage() for record in caplog.records]
    assert sum("lost the connection to unix://" in line for line in said) == 2
    assert sum("there is a connection to unix://" in line for line in said) == 2


def test_who_watches_hears_what_has_changed(redis: RedisServer) -> None:
    """Not that all join again when Redis has been killed and started, but who came and who went meanwhile."""

    async def main() -> None:
        async with sharing(redis, 3, lease=2) as (one, other, dying):
            watchers = [await one.new_channel() for _ in range(2)]
            for watcher in watchers:
                await one.group_watch("g", watcher)
            staying = [await member(layer) for layer in (one, other)]
            going = [await member(dying), await member(other)]
            for watcher in watchers:
                assert [(await one.receive(watcher))["channel"] for _ in range(4)] == staying + going
            redis.kill()
            for layer in (one, other, dying):
                await lost(layer)
            await dying.close()
            await other.group_discard("g", going[1])
            coming = await member(other)
            await asyncio.to_thread(redis.start)
            for watcher in watchers:
                told = [await one.receive(watcher) for _ in range(3)]
                assert [(each["type"], each["channel"]) for each in told[:1]] == [("group.join", coming)]
                assert {(each["type"], each["channel"]) for each in told[1:]} == {
                    ("group.leave", channel) for channel in going
                }
            last = await member(one)
            for watcher in watchers:
                assert (await one.receive(watcher))["channel"] == last

    run(main())


def test_a_server_without_memory(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """It is as good as away: what it refused is lost, what comes after that waits, and it is logged once."""

    async def main() -> None:
        async with sharing(redis, 2, history=100) as (one, other):
            channel = await member(other)
            await one.group_send("g", {"n": 0})
            await asyncio.to_thread(redis.command, "CONFIG", "SET", "maxmemory", "1")
            await one.group_send("g", {"n": 1})
            await lost(one)
            for n in range(2, 20):
                await one.group_send("g", {"n": n})
            await asyncio.to_thread(redis.command, "CONFIG", "SET", "maxmemory", "0")
            received: list[int] = []
            while received[-1:] != [19]:
                received.append((await other.receive(channel))["n"])
            assert received == sorted(set(received))
            assert 0 < one.losses["disconnected"] == one.losses.total < 10
            assert await other.group_count("g") == 1

    with caplog.at_level(logging.WARNING, "hybrid.layers"):
        run(main())
    assert sum("used memory" in record.getMessage() for record in caplog.records) <= 2 + 1


def test_a_message_that_redis_does_not_take(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody else's key stands where a history should: the log says so once, and what is lost counts."""

    async def main() -> None:
        async with sharing(redis, 1, history=100) as (one,):
            redis.command("SET", "hybrid:0:h:g", "mine")
            for n in range(10):
                await one.group_send("g", {"n": n})
            await until(lambda: one.losses.total == 10)
            channel = await one.new_channel()
            await one.group_add("other", channel)
            await one.group_send("other", {"n": 10})
            assert (await one.receive(channel))["n"] == 10

    with caplog.at_level(logging.WARNING, "hybrid.layers"):
        run(main())
    assert sum("a message was not taken" in record.getMessage() for record in caplog.records) == 1


def test_what_cannot_be_sent_is_counted(redis: RedisServer) -> None:
    """What waits longer than `expiry`, and what there is no room for."""

    async def main() -> None:
        async with sharing(redis, 1, expiry=1, backlog=5) as (layer,):
            await layer.group_count("g")
            redis.kill()
            await lost(layer)
            before = layer.losses["disconnected"]
            for n in range(8):
                await layer.group_send("g", {"n": n})
            assert layer.losses["disconnected"] == before + 3
            await until(lambda: layer.losses["disconnected"] == before + 8)

    run(main())


def test_what_was_on_its_way_is_not_sent_again(redis: RedisServer) -> None:
    """Redis stops in the middle of it: what nobody has confirmed is counted as lost, and not repeated."""

    async def main() -> None:
        async with sharing(redis) as (one, other):
            channel = await member(other)
            received: list[int] = []

            async def read() -> None:
                while True:
                    received.append((await other.receive(channel))["n"])

            reading = asyncio.create_task(read())
            sent = 0
            for _ in range(5):
                for _ in range(50):
                    await one.group_send("g", {"n": sent})
                    sent += 1
                await asyncio.sleep(0.001)
                redis.command("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")
                await until(lambda: "CONNECTED" in repr(one) and "CONNECTED" in repr(other))
                await asyncio.gather(one.group_count("g"), other.group_count("g"), return_exceptions=True)
            while received[-1:] != [sent]:
                await one.group_send("g", {"n": sent})
                await asyncio.sleep(0.01)
            reading.cancel()
            assert [n for n in received if n < sent] == sorted({n for n in received if n < sent})
            assert one.losses["full"] == other.losses["full"] == 0

    run(main())


def test_a_history_closes_the_hole(redis: RedisServer) -> None:
    """What was sent to a group with a history while one process was away arrives late, once and in order;
    what the history had no room for is counted.
    """

    async def main() -> None:
        async with sharing(redis, history=5) as (one, other):
            channel = await member(other)
            await one.group_send("g", {"n": 0})
            await other.receive(channel)
            base = redis.command("CLIENT", "LIST", "TYPE", "pubsub")
            assert base.count(b"id=") == 2
            other_id = await _client_of(redis, other)
            pause = asyncio.create_task(_paused(other))
            redis.command("CLIENT", "KILL", "ID", other_id)
            for n in range(1, 9):
                await one.group_send("g", {"n": n})
            await one.group_count("g")
            await pause
            received = [await other.receive(channel)]
            while received[-1]["n"] != 8:
                received.append(await other.receive(channel))
            numbers = [each["n"] for each in received]
            assert numbers == list(range(9 - len(numbers), 9))
            assert len(numbers) + other.losses["disconnected"] == 8
            sequences = [each["sequence"] for each in received]
            assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))

    run(main())


async def _client_of(redis: RedisServer, layer: RedisChannelLayer) -> str:
    """Return the id that Redis has for the connection of a layer, which subscribes to its own channel."""
    listing = redis.command("CLIENT", "LIST").decode()
    ids = [line.split()[0].removeprefix("id=") for line in listing.splitlines() if "sub=3" in line]
    assert len(ids) == 1, (listing, layer)
    return ids[0]


async def _paused(layer: RedisChannelLayer) -> None:
    await until(lambda: "CONNECTED" not in repr(layer))
    await until(lambda: "CONNECTED" in repr(layer))


def test_without_a_server(redis: RedisServer) -> None:
    """Questions fail with a clear error, members stay members, and nothing hangs; later all is well."""
    redis.kill()

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            channel = await member(layer)
            for question in (layer.group_members("g"), layer.resume("g", 1, channel), layer.flush()):
                with pytest.raises(ChannelLayerError, match="no connection to unix://"):
                    await question
            await layer.group_send("g", {"n": 1})
            await layer.send(channel, {"n": 0})
            assert await layer.receive(channel) == {"n": 0}
            await asyncio.to_thread(redis.start)
            assert await layer.receive(channel) == {"n": 1}
            assert await layer.group_count("g") == 1

    run(main())


def test_a_server_that_says_nothing(redis: RedisServer) -> None:
    """A connection on which nothing comes back is given up, and another one is tried."""

    async def main() -> None:
        async with sharing(redis, 1, lease=0.3, timeout=0.3) as (layer,):
            await layer.group_count("g")
            redis.command("CLIENT", "PAUSE", "1000", "ALL")
            await lost(layer)
            await until(lambda: "CONNECTED" in repr(layer))

    run(main())


def test_a_script_that_redis_has_forgotten(redis: RedisServer) -> None:
    """The layer notices, and comes back with its scripts."""

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            await layer.group_count("g")
            redis.command("SCRIPT", "FLUSH")
            with pytest.raises(ChannelLayerError):
                await layer.group_count("g")
            assert "AWAY" in repr(layer)
            await until(lambda: "CONNECTED" in repr(layer))
            assert await layer.group_count("g") == 0

    run(main())
