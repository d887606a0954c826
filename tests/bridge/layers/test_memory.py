"""The rules of the Channels layer specification, and what cancelled and competing readers get."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from hybrid.bridge.errors import ChannelFull
from hybrid.bridge.layers import InMemoryChannelLayer
from tests.support.layers import Clock, member, run, waiting


def test_messages_arrive_in_order_and_once() -> None:
    """A channel is first in, first out, and a message goes to one reader."""

    async def main() -> list[dict[str, Any]]:
        layer = InMemoryChannelLayer()
        for n in range(3):
            await layer.send("c", {"type": "test", "n": n})
        return await waiting(layer, "c")

    assert run(main()) == [{"type": "test", "n": n} for n in range(3)]


def test_a_reader_that_waits_is_woken() -> None:
    """A message that is sent after receive() was called reaches it."""

    async def main() -> dict[str, Any]:
        layer = InMemoryChannelLayer()
        reader = asyncio.create_task(layer.receive("c"))
        await asyncio.sleep(0)
        await layer.send("c", {"type": "test"})
        return await reader

    assert run(main()) == {"type": "test"}


def test_new_channels_have_names_of_their_own() -> None:
    """Names differ, are valid, start with the prefix and are marked as local to this process."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        names = {await layer.new_channel("board") for _ in range(100)}
        assert len(names) == 100
        assert all(layer.require_valid_channel_name(name) and name.startswith("board.") for name in names)
        assert all("!" in name for name in names)
        with pytest.raises(TypeError):
            await layer.new_channel("not valid")

    run(main())


def test_a_full_channel_refuses_a_message() -> None:
    """send() to a channel at its capacity raises ChannelFull, which names the channel; reading makes room."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=100, channel_capacity={"small.*": 2})
        for _ in range(2):
            await layer.send("small.c", {})
        with pytest.raises(ChannelFull, match=r"'small\.c' is full: 2 messages"):
            await layer.send("small.c", {})
        await layer.receive("small.c")
        await layer.send("small.c", {})
        assert layer.losses["full"] == 0

    run(main())


def test_messages_expire() -> None:
    """A message that nobody reads within `expiry` seconds is dropped and counted."""

    async def main() -> None:
        clock = Clock()
        layer = InMemoryChannelLayer(expiry=60, clock=clock)
        await layer.send("c", {"n": 1})
        clock.now = 30
        await layer.send("c", {"n": 2})
        clock.now = 60
        assert await waiting(layer, "c") == [{"n": 2}]
        assert layer.losses["expired"] == 1

    run(main())


def test_every_member_of_a_group_gets_a_copy_of_its_own() -> None:
    """What one member, or the sender, does to a message later is not seen by another member."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        first, second = await member(layer), await member(layer)
        message = {"type": "test", "items": [1]}
        await layer.group_send("board", message)
        message["items"].append(2)  # type: ignore[attr-defined]
        received = await layer.receive(first)
        received["items"].append(3)
        assert await layer.receive(second) == {"type": "test", "items": [1]}

    run(main())


def test_a_group_is_those_who_joined_and_have_not_left() -> None:
    """A member gets what is sent between group_add and group_discard; joining twice changes nothing."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        await layer.group_send("board", {"n": 0})
        channel = await member(layer)
        await layer.group_add("board", channel)
        await layer.group_send("board", {"n": 1})
        await layer.group_discard("board", channel)
        await layer.group_send("board", {"n": 2})
        await layer.group_discard("board", channel)
        assert await waiting(layer, channel) == [{"n": 1}]

    run(main())


def test_membership_expires() -> None:
    """A channel that has not joined again for `group_expiry` seconds gets nothing more."""

    async def main() -> None:
        clock = Clock()
        layer = InMemoryChannelLayer(group_expiry=100, clock=clock)
        old, renewed = await member(layer), await member(layer)
        clock.now = 50
        await layer.group_add("board", renewed)
        clock.now = 100
        await layer.group_send("board", {"n": 1})
        assert [await waiting(layer, channel) for channel in (old, renewed)] == [[], [{"n": 1}]]

    run(main())


def test_a_full_member_misses_a_message_and_it_is_counted() -> None:
    """group_send() never raises; a slow member does not keep the others from getting everything."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=2)
        slow, prompt = await member(layer), await member(layer)
        received = []
        for n in range(5):
            await layer.group_send("board", {"n": n})
            received += await waiting(layer, prompt)
        assert received == [{"n": n} for n in range(5)]
        assert await waiting(layer, slow) == [{"n": 0}, {"n": 1}]
        assert layer.losses["full"] == 3

    run(main())


def test_flush_forgets_everything_but_those_who_wait() -> None:
    """After flush() there are no messages and no groups; a reader that waited gets the next message."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        reader = asyncio.create_task(layer.receive("c"))
        channel = await member(layer)
        await layer.group_send("board", {"n": 1})
        await layer.send("other", {})
        await layer.flush()
        await layer.group_send("board", {"n": 2})
        await layer.send("c", {"n": 3})
        assert await reader == {"n": 3}
        assert await waiting(layer, channel) == []
        assert await waiting(layer, "other") == []
        await layer.close()

    run(main())


def test_wrong_names_and_messages_are_type_errors() -> None:
    """Every method looks at its names, and a message must be a dict."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        wrong: list[Coroutine[Any, Any, object]] = [
            layer.send("a b", {}),
            layer.send("c", ["no", "dict"]),  # type: ignore[arg-type]
            layer.receive("a b"),
            layer.group_add("a!b", "c"),
            layer.group_add("g", "a b"),
            layer.group_discard("a!b", "c"),
            layer.group_discard("g", "a b"),
            layer.group_send("a!b", {}),
        ]
        for call in wrong:
            with pytest.raises(TypeError):
                await call
        with pytest.raises(TypeError, match="must be a dict, not str"):
            layer.publish("g", "text")  # type: ignore[arg-type]

    run(main())


# Cancellation and competition


def test_a_cancelled_reader_loses_no_message() -> None:
    """A message that arrives in the moment in which its reader is cancelled goes to the next reader."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        reader = asyncio.create_task(layer.receive("c"))
        await asyncio.sleep(0)
        await layer.send("c", {"n": 1})  # the reader has been woken, but has not run yet
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert await layer.receive("c") == {"n": 1}

    run(main())


def test_a_rival_gets_the_message_of_a_cancelled_reader() -> None:
    """Of two readers that wait on one channel, one is cancelled: the other gets the message."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        first, second = (asyncio.create_task(layer.receive("c")) for _ in range(2))
        await asyncio.sleep(0)
        await layer.send("c", {"n": 1})
        first.cancel()
        assert await second == {"n": 1}

    run(main())


def test_rivals_get_one_message_each() -> None:
    """Readers of one channel share its messages; none is delivered twice."""

    async def main() -> list[int]:
        layer = InMemoryChannelLayer()
        readers = [asyncio.create_task(layer.receive("c")) for _ in range(5)]
        await asyncio.sleep(0)
        for n in range(5):
            await layer.send("c", {"n": n})
        return sorted(message["n"] for message in await asyncio.gather(*readers))

    assert run(main()) == [0, 1, 2, 3, 4]


def test_a_reader_that_gave_up_leaves_nothing_behind() -> None:
    """After a cancelled receive() the layer holds neither a channel nor a waiter."""

    async def main() -> str:
        layer = InMemoryChannelLayer()
        for n in range(20):
            assert await waiting(layer, f"c{n}") == []
        return repr(layer)

    assert "0 channels waited on" in run(main())
