"""Sending from anywhere: through our layers, and through somebody else's."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hybrid.bridge import portal, publish, send
from hybrid.bridge.errors import InvalidChannelLayerError
from hybrid.bridge.layers import InMemoryChannelLayer, channel_layers, foreign
from hybrid.bridge.layers.life import LayersInUse
from tests.support.layers import DEADLINE, run

MESSAGE = {"type": "x"}


class ChannelFull(Exception):
    """As Channels has it."""


class Foreign:
    """Somebody else's layer: it notes what it sends, in which thread and order, and fails when told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.threads: set[threading.Thread] = set()
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.closed = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Note."""
        await self._note("group", group, message)

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Note."""
        await self._note("channel", channel, message)

    async def close_pools(self) -> None:
        """Note."""
        self.closed += 1

    async def _note(self, kind: str, name: str, message: Any) -> None:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.threads.add(threading.current_thread())
        self.sent.append((kind, name, message))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the layers of the process as they were."""
    yield
    channel_layers.__init__()  # type: ignore[misc]


@pytest.fixture
def layer() -> Foreign:
    """Have somebody else's layer as the default."""
    made: Any = Foreign()
    channel_layers.set("default", made)
    return made  # type: ignore[no-any-return]


def test_ours() -> None:
    """By alias; what is published is there when it is next looked for."""

    async def main() -> None:
        other = InMemoryChannelLayer()
        channel_layers.set("chat", other)
        channel = await other.new_channel()
        await other.group_add("room", channel)
        await asyncio.to_thread(publish, "room", MESSAGE, layer="chat")
        assert await other.receive(channel) == MESSAGE

    run(main())


def test_no_layer() -> None:
    """The alias is in the message."""
    for function in (publish, send):
        with pytest.raises(InvalidChannelLayerError, match="there is no channel layer 'chat'"):
            function("x", MESSAGE, layer="chat")


def test_no_groups() -> None:
    """Somebody else's layer may be one without."""
    channel_layers.set("default", object())  # type: ignore[arg-type]
    with pytest.raises(InvalidChannelLayerError, match="object has no groups"):
        publish("x", MESSAGE)


@pytest.mark.usefixtures("layer")
def test_no_message() -> None:
    """That is found before anything is sent."""
    with pytest.raises(TypeError, match="must be a dict, not str"):
        publish("x", "y")  # type: ignore[arg-type]


def test_in_a_script(layer: Foreign) -> None:
    """Sent when the call returns, and no connection is left."""
    publish("room", MESSAGE)
    send("c", MESSAGE)
    assert layer.sent == [("group", "room", MESSAGE), ("channel", "c", MESSAGE)]
    assert layer.closed == 2
    layer.error = ConnectionError("no Redis")
    with pytest.raises(ConnectionError, match="no Redis"):
        publish("room", MESSAGE)
    assert layer.closed == 3


def test_on_the_thread_of_a_loop(layer: Foreign) -> None:
    """Nothing is waited for, and the order is kept; a message is what it was when it was published."""

    async def main() -> None:
        for number in range(50):
            message = {"type": "x", "n": number}
            publish("room", message)
            message["n"] = -1
        assert layer.sent == []
        async with asyncio.timeout(DEADLINE):
            while len(layer.sent) < 50:
                await asyncio.sleep(0)

    run(main())
    assert [message["n"] for _, _, message in layer.sent] == list(range(50))


def test_the_queue_of_a_loop_is_bounded(layer: Foreign, monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds no room is lost and counted."""
    monkeypatch.setattr(foreign, "_QUEUE", 3)

    async def main() -> None:
        layer.gate = asyncio.Event()
        for number in range(5):
            publish("room", {"type": "x", "n": number})
        layer.gate.set()
        async with asyncio.timeout(DEADLINE):
            while len(layer.sent) < 3:
                await asyncio.sleep(0)

    run(main())
    assert foreign.losses_of(layer)["full"] == 2  # type: ignore[arg-type]


def test_failures_on_the_thread_of_a_loop(layer: Foreign, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody can be told, so they are counted and logged, and what follows is sent."""

    async def main() -> None:
        layer.error = ConnectionError("no Redis")
        publish("room", MESSAGE)
        async with asyncio.timeout(DEADLINE):
            while not foreign.losses_of(layer).total:  # type: ignore[arg-type]
                await asyncio.sleep(0)
        layer.error = None
        publish("room", MESSAGE)
        while not layer.sent:
            await asyncio.sleep(0)

    run(main())
    assert "1 disconnected (the last one for group room: ConnectionError: no Redis)" in caplog.text


def test_a_channel_that_is_full(layer: Foreign) -> None:
    """That is a loss and no error, as with our own layers."""
    layer.error = ChannelFull()
    send("c", MESSAGE)
    assert foreign.losses_of(layer)["full"] == 1  # type: ignore[arg-type]


def test_on_threads_of_a_server(layer: Foreign) -> None:
    """The server's loop sends it, for threads that it has started and for others; they wait, and are told."""

    def on_a_thread(loop: asyncio.AbstractEventLoop | None) -> None:
        portal.enter(loop)
        try:
            publish("room", MESSAGE)
        finally:
            portal.enter(None)

    async def main() -> None:
        use = LayersInUse({})
        await use.open()
        here = asyncio.get_running_loop()
        await asyncio.to_thread(on_a_thread, here)
        await asyncio.to_thread(on_a_thread, None)
        assert len(layer.sent) == 2
        assert layer.threads == {threading.current_thread()}
        layer.error = ConnectionError("no Redis")
        with pytest.raises(ConnectionError, match="no Redis"):
            await asyncio.to_thread(on_a_thread, None)
        await use.close(1)
        assert layer.closed == 1

    run(main())


def test_what_waits_is_sent_before_the_layer_is_closed(layer: Foreign) -> None:
    """A server that stops has sent what its applications published last."""

    async def main() -> None:
        use = LayersInUse({})
        await use.open()
        for number in range(5):
            publish("room", {"type": "x", "n": number})
        await use.close(1)
        assert (len(layer.sent), layer.closed) == (5, 1)

    run(main())


def test_patience(layer: Foreign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for a layer that does not answer."""
    monkeypatch.setattr(foreign, "_PATIENCE", 0.01)

    async def main() -> None:
        layer.gate = asyncio.Event()
        use = LayersInUse({})
        await use.open()
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(publish, "room", MESSAGE)
        publish("room", MESSAGE)
        async with asyncio.timeout(DEADLINE):
            while not foreign.losses_of(layer).total:  # type: ignore[arg-type]
                await asyncio.sleep(0)
        await use.close(1)

    run(main())
