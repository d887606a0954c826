"""Groups whose members are in several processes; here, several layers of one."""

import asyncio
from typing import Any

import pytest

from hybrid.bridge.errors import MessageTooLarge
from hybrid.bridge.layers.redis import RedisChannelLayer
from hybrid.bridge.layers.redis.scripts import BEAT
from tests.support.layers import DEADLINE, run, until
from tests.support.redis import RedisServer, sharing


async def member(layer: RedisChannelLayer, group: str = "g", metadata: dict[str, Any] | None = None) -> str:
    """Make a channel that belongs to a group."""
    channel = await layer.new_channel()
    await layer.group_add(group, channel, metadata)
    return channel


def test_all_members_get_what_is_sent(redis: RedisServer) -> None:
    """In the sender's process and in another one, in the order of sending, by group_send() and publish()."""

    async def main() -> None:
        async with sharing(redis) as (one, other):
            channels = [await member(one), await member(one), await member(other)]
            for n in range(50):
                await one.group_send("g", {"n": 2 * n})
                one.publish("g", {"n": 2 * n + 1})
            await one.group_send("h", {"n": "for nobody"})
            for layer, channel in zip((one, one, other), channels, strict=True):
                assert [(await layer.receive(channel))["n"] for _ in range(100)] == list(range(100))
            assert one.losses.total == other.losses.total == 0

    run(main())


def test_every_kind_of_value_arrives(redis: RedisServer) -> None:
    """What the specification lets a message have, at several depths, and as much as 1 MB."""
    message: dict[str, Any] = {
        "type": "t",
        "bytes": b"\0\xff",
        "text": "ü\N{PARTY POPPER}",
        "numbers": [0, -1, 2**63 - 1, -(2**63), 0.5],
        "nothing": None,
        "booleans": [True, False],
        "nested": {"list": [{"deep": [[]]}]},
        "large": "x" * 1_000_000,
    }

    async def main() -> None:
        async with sharing(redis) as (one, other):
            channel = await member(other)
            await one.group_send("g", message)
            assert await other.receive(channel) == message

    run(main())


@pytest.mark.parametrize("value", [{1, 2}, object(), 2**64, "\ud800"])
def test_what_a_message_may_not_have(redis: RedisServer, value: object) -> None:
    """It is a TypeError for the sender, at once, and nothing is sent."""

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            for send in (layer.group_send("g", {"x": value}), layer.send("c", {"x": value})):
                with pytest.raises(TypeError):
                    await send
            with pytest.raises(TypeError):
                layer.publish("g", {"x": value})

    run(main())


def test_a_message_that_is_too_large(redis: RedisServer) -> None:
    """It is refused where it is sent."""

    async def main() -> None:
        async with sharing(redis, 1, max_message_size=1000) as (layer,):
            await layer.group_send("g", {"x": "x" * 900})
            with pytest.raises(MessageTooLarge, match=r"1009 bytes is larger than the 1000"):
                await layer.group_send("g", {"x": "x" * 1003})

    run(main())


def test_who_leaves_gets_what_was_sent_before(redis: RedisServer) -> None:
    """And nothing that was sent after; who joins gets nothing that was sent before."""

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            early, late = await member(layer), await layer.new_channel()
            for n in range(20):
                layer.publish("g", {"n": n})
            await layer.group_discard("g", early)
            await layer.group_add("g", late)
            await layer.group_send("g", {"n": 20})
            assert [(await layer.receive(early))["n"] for _ in range(20)] == list(range(20))
            assert await layer.receive(late) == {"n": 20}
            await layer.send(early, {"n": "last"})
            assert await layer.receive(early) == {"n": "last"}

    run(main())


def test_members_and_what_they_say_of_themselves(redis: RedisServer) -> None:
    """Every process knows all of them, in the order of joining; joining again changes what is said."""

    async def main() -> None:
        async with sharing(redis) as (one, other):
            first = await member(one, metadata={"name": "first"})
            second = await member(other)
            third = await member(one, metadata={"name": "third", "bytes": b"\xff"})
            members = await other.group_members("g")
            assert [each.channel for each in members] == [first, second, third]
            assert members[-1].metadata["bytes"] == b"\xff"
            await one.group_add("g", first)
            await one.group_add("g", third, {"name": "new"})
            said = {each.channel: each.metadata for each in await other.group_members("g")}
            assert said == {first: {"name": "first"}, second: {}, third: {"name": "new"}}
            assert await one.group_count("g") == await other.group_count("g") == 3
            await one.group_discard("g", first)
            assert await other.group_count("g") == 2
            assert await one.group_members("nobody") == []

    run(main())


def test_joining_and_leaving_is_told(redis: RedisServer) -> None:
    """To those who watch, once each, whoever joins; those who are let go when their process ends, too."""

    async def main() -> None:
        async with sharing(redis) as (one, other):
            watcher = await one.new_channel()
            await one.group_watch("g", watcher)
            channel = await member(other, metadata={"name": "x"})
            await other.group_add("g", channel)
            own = await member(one)
            await one.group_discard("g", own)
            await other.close()
            events = [await one.receive(watcher) for _ in range(4)]
            assert events == [
                {"type": "group.join", "group": "g", "channel": channel, "metadata": {"name": "x"}},
                {"type": "group.join", "group": "g", "channel": own, "metadata": {}},
                {"type": "group.leave", "group": "g", "channel": own, "metadata": {}},
                {"type": "group.leave", "group": "g", "channel": channel, "metadata": {"name": "x"}},
            ]
            assert await one.group_count("g") == 0
            await one.group_unwatch("g", watcher)
            await member(one)
            await one.send(watcher, {"type": "other"})
            assert await one.receive(watcher) == {"type": "other"}

    run(main())


def test_a_membership_ends_after_its_time(redis: RedisServer) -> None:
    """It is told, it is not counted any more, and nothing arrives."""

    async def main() -> None:
        async with sharing(redis, group_expiry=0.3) as (one, other), sharing(redis, 1) as (third,):
            watcher = await third.new_channel()
            await third.group_watch("g", watcher)
            channel = await member(one)
            events = [(await third.receive(watcher))["type"] for _ in range(2)]
            assert events == ["group.join", "group.leave"]
            assert await other.group_count("g") == 0
            await other.group_send("g", {"n": 1})
            await other.send(channel, {"n": 2})
            assert await one.receive(channel) == {"n": 2}

    run(main())


def test_a_process_that_is_held_up_is_a_member_again(redis: RedisServer) -> None:
    """Others have ended its memberships; when it says that it is alive, it says them again."""

    async def main() -> None:
        async with sharing(redis, lease=0.5) as (one, other):
            watcher = await other.new_channel()
            await other.group_watch("g", watcher)
            await member(one)
            assert (await other.receive(watcher))["type"] == "group.join"
            dead = f"redis.call('ZADD', 'hybrid:0:nodes', 1, '{one.node}')"
            redis.command("EVAL", dead + BEAT.text, "0", "hybrid:0:", "somebody", "60000")
            events = [(await other.receive(watcher))["type"] for _ in range(2)]
            assert events == ["group.leave", "group.join"]
            assert await other.group_count("g") == 1

    run(main())


def test_a_process_with_many_members_dies(redis: RedisServer) -> None:
    """All that it had leave at once, as soon as anybody notices, although Redis does it in pieces."""

    async def main() -> None:
        options: dict[str, Any] = {"lease": 1000, "timeout": DEADLINE}  # joining keeps the loop for a while
        options |= {"capacity": 3000, "max_message_size": 10_000}
        async with sharing(redis, 2, **options) as (one, dying):
            channels = [f"x.{dying.node}!{n}" for n in range(1700)]
            await asyncio.gather(*(dying.group_add("g", channel) for channel in channels))
            watcher = await one.new_channel()
            await one.group_watch("g", watcher)
            redis.command("ZADD", "hybrid:0:nodes", "1", dying.node)
            assert await one.group_count("g") == 0
            async with sharing(redis, 1):
                left = {(await one.receive(watcher))["channel"] for _ in channels}
            assert left == set(channels)

    run(main())


def test_channels_of_other_processes(redis: RedisServer) -> None:
    """They can be sent to, made members, and be let watch; only their own process receives from them."""

    async def main() -> None:
        async with sharing(redis) as (one, other):
            channel = await other.new_channel()
            await one.group_watch("g", channel)
            await one.group_add("g", channel, {"by": "one"})
            await one.group_send("g", {"n": 1})
            assert (await other.receive(channel))["metadata"] == {"by": "one"}
            assert await other.receive(channel) == {"n": 1}
            await one.group_unwatch("g", channel)
            await one.group_discard("g", channel)
            await one.group_send("g", {"n": 2})
            await one.send(channel, {"n": 3})
            assert await other.receive(channel) == {"n": 3}
            with pytest.raises(ValueError, match="belongs to another process"):
                await one.receive(channel)
            await other.close()
            await one.send(channel, {"n": 4})
            await until(lambda: one.losses["disconnected"] == 1)

    run(main())


def test_a_channel_that_is_closed(redis: RedisServer) -> None:
    """It belongs to no group any more, watches none, and cannot join one again."""

    async def main() -> None:
        async with sharing(redis) as (one, other):
            channel, watcher = await member(one), await other.new_channel()
            await one.group_watch("h", channel)
            await other.group_watch("g", watcher)
            one.close_channel(channel)
            assert (await other.receive(watcher))["type"] == "group.leave"
            await one.group_add("g", channel)
            await one.group_watch("g", channel)
            assert await other.group_count("g") == 0

    run(main())


def test_a_reader_that_does_not_read(redis: RedisServer) -> None:
    """It loses what it has no room for, which is counted, and no other member does."""

    async def main() -> None:
        async with sharing(redis, capacity=10) as (one, other):
            slow, prompt = await member(other), await member(other)
            read = asyncio.create_task(_read(other, prompt, 100))
            for n in range(100):
                await one.group_send("g", {"n": n})
            assert await read == list(range(100))
            assert other.losses.as_dict() == {"full": 90, "expired": 0, "disconnected": 0}
            assert await _read(other, slow, 10) == list(range(10))

    run(main())


async def _read(layer: RedisChannelLayer, channel: str, number: int) -> list[int]:
    return [(await layer.receive(channel))["n"] for _ in range(number)]


def test_flush(redis: RedisServer) -> None:
    """Messages, members and histories are forgotten in all processes, and other keys are left alone."""

    async def main() -> None:
        redis.command("SET", "other", "1")
        async with sharing(redis, history=5) as (one, other):
            channel = await member(one)
            await other.group_send("g", {"n": 1})
            await other.send("queue", {"n": 2})
            waiting = asyncio.create_task(one.receive(channel))
            assert (await waiting)["n"] == 1
            await other.send(channel, {"n": 3})
            await other.flush()
            assert await other.group_count("g") == 0
            assert (await other.resume("g", None)).messages == []
            await other.group_send("g", {"n": 4})
            await other.send("queue", {"n": 5})
            assert (await one.receive("queue"))["n"] == 5
            await one.send(channel, {"n": 6})
            assert await one.receive(channel) == {"n": 6}
        assert redis.command("EXISTS", "other") == b":1\r\n"

    run(main())


def test_prefixes_and_databases_are_apart(redis: RedisServer) -> None:
    """Layers in different ones have nothing to do with each other, though pub/sub knows no databases."""

    async def main() -> None:
        async with (
            sharing(redis, 1) as (plain,),
            sharing(redis, 1, prefix="other") as (other,),
            sharing(f"{redis.url}?db=1", 1) as (second,),
        ):
            layers = [plain, other, second]
            channels = [await member(layer) for layer in layers]
            for n, layer in enumerate(layers):
                await layer.group_send("g", {"n": n})
                assert await layer.group_count("g") == 1
            for n, (layer, channel) in enumerate(zip(layers, channels, strict=True)):
                assert await layer.receive(channel) == {"n": n}

    run(main())


def test_every_key_goes_by_itself(redis: RedisServer) -> None:
    """Whatever the layer keeps in Redis has a time to live."""

    async def main() -> None:
        async with sharing(redis, history=5) as (one, other):
            await member(one, metadata={"x": 1})
            await other.group_add("g", "queue")
            await other.group_send("g", {"n": 1})
            assert await other.group_count("g") == 2
            kept = redis.command(
                "EVAL",
                "local r = {} for _, k in ipairs(redis.call('KEYS', '*')) do "
                "r[#r + 1] = string.sub(k, 1, 10) .. (redis.call('PTTL', k) > 0 and '' or ' FOR EVER') end "
                "table.sort(r) return table.concat(r, ',')",
                "0",
            )
            assert kept.split(b"\r\n")[1].decode() == (
                "hybrid:0:h,hybrid:0:k,hybrid:0:m,hybrid:0:n,hybrid:0:o,hybrid:0:q,hybrid:0:s"
            )

    run(main())
