"""Who is in a group, who is told of it, and what was sent while somebody was away."""

import asyncio
import gc
import time
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

from hybrid.bridge.layers import InMemoryChannelLayer
from hybrid.bridge.layers.presence import Member, Replay
from tests.support.layers import Clock, member, run, waiting


def event(kind: str, channel: str, **metadata: object) -> dict[str, Any]:
    """Say what watchers of the board are told."""
    return {"type": f"group.{kind}", "group": "board", "channel": channel, "metadata": metadata}


# Presence


def test_members_can_be_asked_for() -> None:
    """Their number, names, what they said of themselves, and when they joined, in that order."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        assert await layer.group_count("board") == 0
        assert await layer.group_members("board") == []
        before = time.time()
        said = {"name": "Ann", "tags": ["x"]}
        await layer.group_add("board", "a", said)
        said["tags"] = []
        await layer.group_add("board", "b")
        await layer.group_add("board", "a")
        members = await layer.group_members("board")
        assert [(each.channel, each.metadata) for each in members] == [
            ("a", {"name": "Ann", "tags": ["x"]}),
            ("b", {}),
        ]
        assert before <= members[0].since <= members[1].since <= time.time()
        members[0].metadata["tags"].append("y")
        assert (await layer.group_members("board"))[0].metadata["tags"] == ["x"]
        assert await layer.group_count("board") == 2
        await layer.group_discard("board", "a")
        assert await layer.group_count("board") == 1
        await layer.close()
        assert await layer.group_count("board") == 0

    run(main())


def test_watchers_are_told_who_joins_and_leaves_until_they_stop_watching() -> None:
    """In the order in which it happens, and in order with what is sent to the group."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        await layer.group_watch("board", "w")
        await layer.group_add("board", "w")
        await layer.group_add("board", "a", {"name": "Ann"})
        await layer.group_send("board", {"n": 1})
        await layer.group_discard("board", "a")
        assert await waiting(layer, "w") == [
            event("join", "w"),
            event("join", "a", name="Ann"),
            {"n": 1},
            event("leave", "a", name="Ann"),
        ]
        await layer.group_unwatch("board", "w")
        await layer.group_unwatch("board", "nobody")
        await layer.group_add("board", "a")
        assert await waiting(layer, "w") == []

    run(main())


def test_watchers_are_no_members() -> None:
    """They are not counted, and get nothing of what is sent to the group."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        await layer.group_watch("board", "w")
        await layer.group_send("board", {})
        assert await layer.group_count("board") == 0
        assert await waiting(layer, "w") == []

    run(main())


def test_a_membership_that_expires_is_a_leave_though_nothing_is_sent() -> None:
    """The watcher just waits: nobody calls the layer, and it is told all the same."""

    async def main() -> None:
        layer = InMemoryChannelLayer(group_expiry=0.05)
        reader = asyncio.create_task(layer.receive("w"))
        await asyncio.sleep(0)
        layer._books.members.join("board!", "w", None, now=0, until=time.monotonic() + 100, since=0)
        await layer.group_add("board", "a")
        assert await reader == event("join", "a")
        assert await layer.receive("w") == event("leave", "a")
        assert not layer._books.members.channels("board", 0)

    run(main())


def test_messages_expire_though_nothing_is_sent() -> None:
    """A message that waits for nobody is gone, and counted, without a further call of the layer."""

    async def main() -> None:
        layer = InMemoryChannelLayer(expiry=0.05)
        reader = asyncio.create_task(layer.receive("other"))
        await layer.send("c", {})
        while not layer.losses["expired"]:
            await asyncio.sleep(0.01)
        assert "messages wait in 0 channels" in repr(layer)
        reader.cancel()

    run(main())


def test_a_layer_that_nobody_has_any_more_is_let_go_of_by_its_loop() -> None:
    """What looks for the expired does not keep the layer."""

    async def main() -> None:
        layer = InMemoryChannelLayer(expiry=0.01)
        await layer.send("c", {})
        await layer.receive("c")
        gone = weakref.ref(layer)
        del layer
        while gone() is not None:
            gc.collect()
            await asyncio.sleep(0.01)

    run(main())


def test_a_channel_that_nobody_reads_any_more() -> None:
    """It is a member until it is closed, but told of nobody, and what is sent to it is forgotten."""

    async def main() -> None:
        layer = InMemoryChannelLayer(capacity=1, overflow="close")
        channel = await layer.new_channel()
        await layer.group_watch("board", channel)
        await layer.group_watch("board", "w")
        await layer.group_add("board", channel)
        layer.stop_reading(channel)
        await layer.group_add("board", "other")
        for _ in range(3):
            await layer.send(channel, {"n": 1})
            await layer.group_send("board", {"n": 2})
            assert await waiting(layer, "other") == [{"n": 2}]
        assert await waiting(layer, channel) == []
        assert [each.channel for each in await layer.group_members("board")] == [channel, "other"]
        layer.close_channel(channel)
        assert layer.losses.total == 2  # of the watcher, which has room for one event of three
        assert await layer.group_count("board") == 1
        assert await waiting(layer, "w") == [event("join", channel)]

    run(main())


def test_a_closed_channel_joins_nothing_any_more() -> None:
    """It leaves its groups, watchers are told so, it watches nothing, and what it still does is in vain."""

    async def main() -> None:
        layer = InMemoryChannelLayer(history=5)
        channel = await layer.new_channel()
        await layer.group_watch("board", "w")
        await layer.group_watch("board", channel)
        await layer.group_add("board", channel)
        await layer.group_send("board", {"n": 1})
        layer.close_channel(channel)
        assert await waiting(layer, channel) == []
        await layer.group_add("board", channel)
        await layer.group_watch("board", channel)
        assert len((await layer.resume("board", None, channel)).messages) == 1
        assert await layer.group_count("board") == 0
        await layer.group_add("board", "other")
        assert await waiting(layer, channel) == []
        assert await waiting(layer, "w") == [
            event("join", channel),
            event("leave", channel),
            event("join", "other"),
        ]
        assert layer.losses.total == 0

    run(main())


# Resuming


def numbered(replay: Replay) -> list[int]:
    """Return the numbers that the sender gave."""
    return [message["n"] for message in replay.messages]


def test_one_who_has_been_away_gets_what_was_sent_meanwhile() -> None:
    """With numbers that follow one another and begin at the time, whoever was a member then."""

    async def main() -> None:
        layer = InMemoryChannelLayer(history=3)
        before = time.time_ns() // 1000
        channel = await member(layer)
        await layer.group_send("board", {"n": 0})
        first = await layer.receive(channel)
        assert before <= first["sequence"] <= time.time_ns() // 1000
        await layer.group_discard("board", channel)
        for n in (1, 2):
            await layer.group_send("board", {"n": n, "sequence": "is ours"})
        replay = await layer.resume("board", first["sequence"], channel)
        assert numbered(replay) == [1, 2]
        assert [each["sequence"] - first["sequence"] for each in replay.messages] == [1, 2]
        assert (replay.last, replay.gap) == (first["sequence"] + 2, False)
        layer.publish("board", {"n": 3})
        assert await waiting(layer, channel) == [{"n": 3, "sequence": replay.last + 1}]
        assert (await layer.resume("board", replay.last + 1)) == Replay([], replay.last + 1, gap=False)

    run(main())


def test_what_is_no_longer_kept_is_a_gap() -> None:
    """Too many messages, or too long a silence: what there is is returned, and that something is missing."""

    async def main() -> None:
        clock = Clock()
        layer = InMemoryChannelLayer(history=2, history_expiry=600, clock=clock)
        for n in range(4):
            await layer.group_send("board", {"n": n})
        first = (await layer.resume("board", None)).last - 3
        replay = await layer.resume("board", first)
        assert (numbered(replay), replay.gap) == ([2, 3], True)
        assert not (await layer.resume("board", first + 1)).gap
        clock.now = 600
        assert await layer.resume("board", first + 3) == Replay([], 0, gap=True)
        await layer.group_send("board", {"n": 4})
        replay = await layer.resume("board", first + 3)
        assert (numbered(replay), replay.gap) == ([4], True)

    run(main())


def test_a_restart_is_a_gap() -> None:
    """Numbers of another layer, whose history is gone, are smaller than those of this one."""

    async def main() -> None:
        old, new = InMemoryChannelLayer(history=9), InMemoryChannelLayer(history=9)
        for n in range(3):
            await old.group_send("board", {"n": n})
        last = (await old.resume("board", None)).last
        await new.group_send("board", {"n": 3})
        replay = await new.resume("board", last)
        assert (numbered(replay), replay.gap) == ([3], True)

    run(main())


def test_a_member_that_resumes_gets_nothing_twice() -> None:
    """What waits in its channel of that group comes with the answer; what else waits there stays."""

    async def main() -> None:
        layer = InMemoryChannelLayer(history={"board": 10})
        channel = await member(layer)
        await layer.group_add("other", channel)
        layer.publish("board", {"n": 1})
        layer.publish("other", {"n": 2})
        layer.publish("board", {"n": 3})
        replay = await layer.resume("board", None, channel, {"name": "Ann"})
        layer.publish("board", {"n": 4})
        assert numbered(replay) == [1, 3]
        assert await waiting(layer, channel) == [{"n": 2}, {"n": 4, "sequence": replay.last + 1}]
        members = await layer.group_members("board")
        assert members == [Member(channel, {"name": "Ann"}, members[0].since)]

    run(main())


def test_groups_without_a_history_carry_no_numbers() -> None:
    """Resuming joins all the same, and says that what came before is unknown."""

    async def main() -> None:
        layer = InMemoryChannelLayer(history={"kept.*": 10})
        assert await layer.resume("board", 7, "c") == Replay([], 0, gap=True)
        await layer.group_send("board", {"n": 1})
        assert await waiting(layer, "c") == [{"n": 1}]
        assert await layer.resume("board", None) == Replay([], 0, gap=False)

    run(main())


def test_what_is_returned_is_the_callers_own() -> None:
    """Changing it changes neither the history nor what members get."""

    async def main() -> None:
        layer = InMemoryChannelLayer(history=10)
        channel = await member(layer)
        await layer.group_send("board", {"items": [1]})
        for _ in range(2):
            replay = await layer.resume("board", None)
            assert replay.messages[0]["items"] == [1]
            replay.messages[0]["items"].append(2)
        assert (await layer.receive(channel))["items"] == [1]

    run(main())


def test_flush_forgets_histories_and_watchers() -> None:
    """Nothing is kept, nobody is told, and new numbers are no continuation."""

    async def main() -> None:
        layer = InMemoryChannelLayer(history=10)
        await layer.group_watch("board", "w")
        await layer.group_send("board", {"n": 1})
        last = (await layer.resume("board", None, "a")).last
        await layer.flush()
        assert await layer.group_count("board") == 0
        assert await layer.resume("board", last) == Replay([], 0, gap=True)
        await layer.group_add("board", "b")
        assert await waiting(layer, "w") == []

    run(main())


def test_wrong_names_and_numbers_are_type_errors() -> None:
    """What a client claims to have must be a number; names are looked at everywhere."""

    async def main() -> None:
        layer = InMemoryChannelLayer()
        wrong: list[Coroutine[Any, Any, object]] = [
            layer.group_count("a!"),
            layer.group_members("a!"),
            layer.group_watch("a!", "c"),
            layer.group_watch("g", "a b"),
            layer.group_unwatch("a!", "c"),
            layer.group_unwatch("g", "a b"),
            layer.resume("a!", None),
            layer.resume("g", None, "a b"),
            layer.resume("g", "7"),  # type: ignore[arg-type]
            layer.resume("g", 7.5),  # type: ignore[arg-type]
        ]
        for call in wrong:
            with pytest.raises(TypeError):
                await call
        with pytest.raises(TypeError):
            layer.post("a b", {})
        with pytest.raises(TypeError):
            layer.post("c", "text")  # type: ignore[arg-type]

    run(main())
