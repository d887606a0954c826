"""A layer used from threads, from several event loops, from none, in child processes and other programs."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest

from hybrid.bridge.errors import ChannelLayerError
from hybrid.bridge.layers.redis import RedisChannelLayer
from tests.support.layers import in_threads, run
from tests.support.process import DEADLINE, process_environment
from tests.support.redis import RedisServer, sharing


def test_threads_publish(redis: RedisServer) -> None:
    """Beside the loop that the layer is at work on; each thread's messages stay in order."""

    async def main() -> None:
        async with sharing(redis, capacity=2000) as (one, other):
            channel = await other.new_channel()
            await other.group_add("g", channel)

            def write(thread: int) -> None:
                for n in range(200):
                    one.publish("g", {"thread": thread, "n": n})

            writing = asyncio.create_task(asyncio.to_thread(in_threads, 4, write))
            received = [await other.receive(channel) for _ in range(800)]
            await writing
            for thread in range(4):
                assert [each["n"] for each in received if each["thread"] == thread] == list(range(200))

    run(main())


def test_other_loops(redis: RedisServer) -> None:
    """Loops on other threads use the layer of the one that opened it, for everything."""

    async def elsewhere(layer: RedisChannelLayer) -> list[object]:
        channel = await layer.new_channel()
        await layer.group_add("g", channel)
        await layer.group_send("g", {"n": 1})
        await layer.send("jobs", {"n": 2})
        return [await layer.receive(channel), await layer.receive("jobs"), await layer.group_count("g")]

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            answers = await asyncio.to_thread(lambda: asyncio.run(elsewhere(layer)))
            assert answers == [{"n": 1}, {"n": 2}, 1]

    run(main())


def test_loops_in_turn(redis: RedisServer) -> None:
    """As `async_to_sync` has it: a loop for each call, and what was sent is sent when it returns."""
    sender, reader = RedisChannelLayer(redis.url), RedisChannelLayer(redis.url)
    for n in range(5):
        run(sender.send("jobs", {"n": n}))
        assert run(reader.receive("jobs")) == {"n": n}

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            channel = await layer.new_channel()
            await layer.group_add("g", channel)
            await asyncio.to_thread(lambda: asyncio.run(sender.group_send("g", {"n": "sent"})))
            assert await layer.receive(channel) == {"n": "sent"}

    run(main())
    run(sender.close())
    run(reader.close())


def test_without_any_loop(redis: RedisServer) -> None:
    """publish() and post() return when Redis has the message; a server that opens the layer takes it over."""
    layer = RedisChannelLayer(redis.url)

    async def main() -> None:
        async with sharing(redis, 1) as (other,):
            channel = await other.new_channel()
            await other.group_add("g", channel)
            for n in range(3):
                await asyncio.to_thread(layer.publish, "g", {"n": n})
            await asyncio.to_thread(layer.post, channel, {"n": 3})
            assert [(await other.receive(channel))["n"] for _ in range(4)] == [0, 1, 2, 3]
            assert "THREAD" in repr(layer)
            await layer.open()
            assert "OPENED" in repr(layer)
            await asyncio.to_thread(layer.publish, "g", {"n": 4})
            assert await other.receive(channel) == {"n": 4}
            await layer.close()

    run(main())
    assert not [
        thread for thread in threading.enumerate() if "channel layer" in thread.name and _lives(thread)
    ]


def _lives(thread: threading.Thread) -> bool:
    thread.join(DEADLINE)
    return thread.is_alive()


def test_without_a_loop_and_without_a_server(redis: RedisServer) -> None:
    """The one who publishes is told within the time-out, and nothing is sent later."""
    redis.kill()
    layer = RedisChannelLayer(redis.url, timeout=0.2)
    with pytest.raises(ChannelLayerError, match=r"message for group g was not sent.*within 0.2 seconds"):
        layer.publish("g", {"n": 1})
    redis.start()

    async def main() -> None:
        async with sharing(redis, 1, history=5) as (other,):
            layer.timeout = DEADLINE
            await asyncio.to_thread(layer.publish, "g", {"n": 2})
            await layer.open()
            await layer.close()
            assert (await other.resume("g", None)).messages == []  # the layer that published keeps none

    run(main())


def test_two_loops_in_turn_open_it(redis: RedisServer) -> None:
    """As two servers of one process do: when the first stops, the layer is at work on the other's loop."""

    async def main() -> None:
        async with sharing(redis, 2, lease=1000) as (layer, other):
            channel = await layer.new_channel()
            await layer.group_add("g", channel)
            elsewhere = asyncio.new_event_loop()
            thread = threading.Thread(target=elsewhere.run_forever)
            thread.start()
            try:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(layer.open(), elsewhere))
                assert layer._home.loop is elsewhere
                await layer.group_add("h", channel)
                for n, group in enumerate("gh"):
                    await other.group_send(group, {"n": n})
                    assert await layer.receive(channel) == {"n": n}
                assert await other.group_count("g") == 1
                await asyncio.to_thread(layer.publish, "g", {"n": 2})
                assert await layer.receive(channel) == {"n": 2}
                await layer.group_send("g", {"n": 3})
                assert await layer.receive(channel) == {"n": 3}
                assert layer.losses.total == 0
                await layer.close()
            finally:
                elsewhere.call_soon_threadsafe(elsewhere.stop)
                await asyncio.to_thread(thread.join, DEADLINE)
                elsewhere.close()

    run(main())


SCRIPT = """
import sys
from hybrid.bridge.layers.redis import RedisChannelLayer
layer = RedisChannelLayer(sys.argv[1])
layer.publish("g", {"n": 1})
layer.post("jobs", {"n": 2})
"""


def test_a_script_publishes(redis: RedisServer) -> None:
    """A program that does nothing else: it ends by itself, without a word, and the message is there."""

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            channel = await layer.new_channel()
            await layer.group_add("g", channel)
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-X", "dev", "-c", SCRIPT, redis.url],
                env=process_environment(),
                capture_output=True,
                timeout=DEADLINE,
                check=False,
            )
            # Of its steps asyncio names, in this mode, those that a busy machine has held up.
            said = [line for line in done.stderr.splitlines() if not line.startswith(b"Executing ")]
            assert (done.returncode, done.stdout, said) == (0, b"", [])
            assert await layer.receive(channel) == {"n": 1}
            assert await layer.receive("jobs") == {"n": 2}

    run(main())


AT_THE_END = """
import atexit, signal, sys
from hybrid.bridge.layers.redis import RedisChannelLayer

class Late:
    layer = RedisChannelLayer(sys.argv[1])

    def __del__(self):
        try:
            self.layer.publish("g", {"n": "too late"})
        except RuntimeError as error:
            print(error)

late = Late()
layer = late.layer
atexit.register(layer.publish, "g", {"n": 3})
with layer._home._lock, layer.losses._lock:  # as if a signal came at this moment
    signal.signal(signal.SIGUSR1, lambda *_: (layer.publish("g", {"n": 1}), layer.losses.count("full")))
    signal.raise_signal(signal.SIGUSR1)
layer.publish("g", {"n": 2})
"""


def test_a_script_publishes_at_unusual_moments(redis: RedisServer) -> None:
    """A signal handler, and what runs at the end; where no thread runs any more it is an error."""

    async def main() -> None:
        async with sharing(redis, 1) as (layer,):
            channel = await layer.new_channel()
            await layer.group_add("g", channel)
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", AT_THE_END, redis.url],
                env=process_environment(),
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
            assert done.returncode == 0
            assert "the message for group g was not sent" in done.stdout
            assert "the interpreter is at its end" in done.stdout
            assert [(await layer.receive(channel))["n"] for _ in range(3)] == [1, 2, 3]

    run(main())


def test_a_child_process_starts_afresh(redis: RedisServer) -> None:
    """After a fork it is another process, with a connection of its own; the parent's is not disturbed."""
    layer = RedisChannelLayer(redis.url)
    layer.post("jobs", {"n": "parent, before"})
    node = layer.node
    child = os.fork()
    if child == 0:
        try:
            layer.post("jobs", {"n": "child"})
            os._exit(0 if layer.node != node else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    layer.post("jobs", {"n": "parent, after"})

    async def main() -> None:
        async with sharing(redis, 1) as (reader,):
            received = [(await reader.receive("jobs"))["n"] for _ in range(3)]
            assert received == ["parent, before", "child", "parent, after"]
        await layer.close()

    run(main())


PARENT = """
import sys, time
from hybrid.bridge.layers.redis import RedisChannelLayer
import asyncio
async def main():
    layer = RedisChannelLayer(sys.argv[1], lease=1)
    await layer.open()
    await layer.group_add("g", await layer.new_channel())
    print("joined", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_process_that_is_killed_leaves(redis: RedisServer) -> None:
    """Its members are none within the lease, and those who watch are told, once, whoever finds it."""

    async def main() -> None:
        async with sharing(redis, lease=1) as (one, other):
            watcher = await one.new_channel()
            await one.group_watch("g", watcher)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", PARENT, redis.url, stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            assert await process.stdout.readline() == b"joined\n"
            assert (await one.receive(watcher))["type"] == "group.join"
            assert await other.group_count("g") == 1
            process.kill()
            await process.wait()
            killed = time.monotonic()
            assert (await one.receive(watcher))["type"] == "group.leave"
            assert time.monotonic() - killed < DEADLINE
            assert await other.group_count("g") == 0
            channel = await other.new_channel()
            await other.group_add("g", channel)
            assert (await one.receive(watcher))["channel"] == channel

    run(main())
