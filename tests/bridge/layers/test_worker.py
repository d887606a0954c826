"""Background work for what is sent to channels by name."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hybrid.bridge import AsyncConsumer, ChannelNameRouter, Worker
from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers import InMemoryChannelLayer
from tests.support.layers import DEADLINE, run


class Recorder:
    """An ASGI application that notes its scopes and messages, and does what these say."""

    def __init__(self) -> None:
        self.scopes: list[str] = []
        self.heard: list[Any] = []
        self.gate = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note, until there is no more."""
        self.scopes.append(scope["channel"])
        while True:
            message = await receive()
            self.heard.append(message["n"])
            if message["type"] == "fail":
                raise RuntimeError("on purpose")
            if message["type"] == "wait":
                await self.gate.wait()
            if message["type"] == "end":
                return
            if message["type"] == "send":
                await send({"type": "x"})

    async def until(self, *heard: Any) -> None:
        """Wait until these messages, and no others, have been heard."""
        async with asyncio.timeout(DEADLINE):
            while self.heard != list(heard):
                await asyncio.sleep(0)


def working(
    test: Callable[[InMemoryChannelLayer, Recorder, Worker], Awaitable[None]], **options: Any
) -> Recorder:
    """Run a test beside a worker for the channels a and b, and stop that at its end."""

    async def main() -> Recorder:
        layer, recorder = InMemoryChannelLayer(), Recorder()
        worker = Worker(recorder, ["a", "b", "a"], layer, **options)
        task = asyncio.create_task(worker.arun(DEADLINE))
        await test(layer, recorder, worker)
        worker.stop()
        await task
        return recorder

    return run(main())


def test_an_instance_for_each_channel() -> None:
    """It gets the messages of its channel in their order."""

    async def test(layer: InMemoryChannelLayer, recorder: Recorder, worker: Worker) -> None:
        assert worker.channels == ["a", "b"]
        for number in range(5):
            await layer.send("a", {"type": "x", "n": number})
        await recorder.until(*range(5))
        await layer.send("b", {"type": "x", "n": "b"})
        await recorder.until(*range(5), "b")

    assert working(test).scopes == ["a", "b"]


def test_messages_wait_in_the_layer() -> None:
    """One that nobody has asked for is taken, and no more; the layer's capacity bounds the rest."""

    async def test(layer: InMemoryChannelLayer, recorder: Recorder, worker: Worker) -> None:
        await layer.send("a", {"type": "wait", "n": 0})
        await recorder.until(0)
        for number in range(1, 5):
            await layer.send("a", {"type": "x", "n": number})
        for _ in range(20):
            await asyncio.sleep(0)
        assert await layer.receive("a") == {"type": "x", "n": 2}
        recorder.gate.set()
        await recorder.until(0, 1, 3, 4)

    working(test)


@pytest.mark.parametrize("kind", ["fail", "end", "send"])
def test_an_instance_that_ends(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The next message has a new one; what failed is logged."""

    async def test(layer: InMemoryChannelLayer, recorder: Recorder, worker: Worker) -> None:
        await layer.send("a", {"type": kind, "n": 0})
        await layer.send("a", {"type": "x", "n": 1})
        await recorder.until(0, 1)

    assert working(test).scopes == ["a", "a"]
    assert ("channel a: the application failed" in caplog.text) is (kind != "end")


def test_an_application_that_cannot_begin(caplog: pytest.LogCaptureFixture) -> None:
    """It fails once for each message, which is dropped, and not for ever."""
    calls: list[str] = []

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["channel"])
        raise RuntimeError("on purpose")

    async def main() -> None:
        layer = InMemoryChannelLayer()
        worker = Worker(broken, ["a"], layer)
        task = asyncio.create_task(worker.arun(DEADLINE))
        for _ in range(2):
            await layer.send("a", {"type": "x"})
            async with asyncio.timeout(DEADLINE):
                while caplog.text.count("channel a: 1 messages dropped") < len(calls) or not calls:
                    await asyncio.sleep(0)
        worker.stop()
        await task

    run(main())
    assert 1 <= len(calls) <= 2


def test_what_was_taken_is_handled_at_the_end() -> None:
    """A worker that is told to stop finishes what it has begun, and what it has taken."""

    async def test(layer: InMemoryChannelLayer, recorder: Recorder, worker: Worker) -> None:
        await layer.send("a", {"type": "wait", "n": 0})
        await recorder.until(0)
        await layer.send("a", {"type": "x", "n": 1})
        for _ in range(20):
            await asyncio.sleep(0)
        worker.stop()
        asyncio.get_running_loop().call_soon(recorder.gate.set)

    assert working(test).heard == [0, 1]


def test_what_does_not_end_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    """After the time that is allowed."""

    async def main() -> None:
        layer, recorder = InMemoryChannelLayer(), Recorder()
        worker = Worker(recorder, ["a"], layer)
        task = asyncio.create_task(worker.arun(0.01))
        await layer.send("a", {"type": "wait", "n": 0})
        await recorder.until(0)
        worker.stop()
        await task

    run(main())
    assert "cutting off 1 handlers after 0.01 s" in caplog.text


def test_a_layer_that_fails(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again after a pause; and a message without a type is dropped."""
    monkeypatch.setattr("hybrid.bridge.layers.worker._FIRST_PAUSE", 0)

    class Failing(InMemoryChannelLayer):
        failures = 3

        async def receive(self, channel: str) -> dict[str, Any]:
            if self.failures:
                self.failures -= 1
                raise ConnectionError("no Redis")
            return await super().receive(channel)

    async def main() -> None:
        layer, recorder = Failing(), Recorder()
        worker = Worker(recorder, ["a"], layer)
        task = asyncio.create_task(worker.arun(DEADLINE))
        await layer.send("a", {"n": 0})
        await layer.send("a", {"type": "x", "n": 1})
        await recorder.until(1)
        worker.stop()
        await task

    with caplog.at_level(logging.ERROR):
        run(main())
    assert caplog.text.count("channel a: receiving failed: ConnectionError: no Redis") == 3
    assert "channel a: a message without a type is dropped" in caplog.text


def test_as_many_instances_as_there_may_be() -> None:
    """The one that was idle for longest ends for another one."""

    async def test(layer: InMemoryChannelLayer, recorder: Recorder, worker: Worker) -> None:
        for number, channel in enumerate("aba"):
            await layer.send(channel, {"type": "x", "n": number})
            await recorder.until(*range(number + 1))

    assert working(test, max_applications=1).scopes == ["a", "b", "a"]


def test_consumers_end_in_good_order() -> None:
    """Handlers that run, also in parallel, go on to their end when the worker stops."""
    done: list[int] = []
    begun = asyncio.Event()
    gate = asyncio.Event()

    class Slow(AsyncConsumer):
        concurrency = "parallel"

        async def work_do(self, message: Any) -> None:
            if message["n"] == 2:
                begun.set()
            await gate.wait()
            done.append(message["n"])

    async def main() -> None:
        layer = InMemoryChannelLayer()
        worker = Worker(ChannelNameRouter({"a": Slow.as_asgi()}), ["a"], layer)
        task = asyncio.create_task(worker.arun(DEADLINE))
        for number in range(3):
            await layer.send("a", {"type": "work.do", "n": number})
        await begun.wait()
        worker.stop()
        asyncio.get_running_loop().call_soon(gate.set)
        await task

    run(main())
    assert sorted(done) == [0, 1, 2]


def test_nothing_to_work_on() -> None:
    """A worker needs a layer and a channel."""
    with pytest.raises(ConfigError, match="Channel layer is not valid"):
        Worker(Recorder(), ["a"], None)
    with pytest.raises(ConfigError, match="needs channels"):
        Worker(Recorder(), [], InMemoryChannelLayer())
