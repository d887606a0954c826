"""What a consumer does when its channel is full, and that its channel ends with it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from hybrid.bridge import AsyncWebsocketConsumer, ClientDisconnected, channel_layers
from hybrid.bridge.layers import DEFAULT_CHANNEL_LAYER, BaseChannelLayer, InMemoryChannelLayer
from hybrid.bridge.types import Message
from tests.support.consumers import Line, connected
from tests.support.embedded import until
from tests.support.layers import run


class Held(AsyncWebsocketConsumer):
    """A consumer whose handlers wait for one another; it notes what happens."""

    here: "Held"

    def __init__(self) -> None:
        super().__init__()
        self.groups = ["chat"]
        self.may_go = asyncio.Event()
        self.log: list[str] = []
        type(self).here = self

    async def chat_message(self, message: Message) -> None:
        """Wait, and pass it on."""
        await self.may_go.wait()
        try:
            await self.send(message["text"])
        except ClientDisconnected:
            self.log.append("unsent")
            raise

    async def disconnect(self, code: int) -> None:
        """Note it, and do what comes too late."""
        self.log.append(f"left {code}")
        await self.channel_layer.group_add("late", self.channel_name)


class Waits(Held):
    """One that takes its time to accept."""

    async def connect(self) -> None:
        """Wait."""
        await self.may_go.wait()


@pytest.fixture
def layer() -> Iterator[InMemoryChannelLayer]:
    """Let consumers have a layer in which two messages may wait, and slow readers are closed."""
    layer = InMemoryChannelLayer(capacity=2, overflow="close")
    before = channel_layers.set(DEFAULT_CHANNEL_LAYER, layer)
    yield layer
    channel_layers.set(DEFAULT_CHANNEL_LAYER, before)


async def overfill(layer: BaseChannelLayer) -> None:
    """Send what one handler has, what may wait, and one more; each is delivered."""
    for number in range(4):
        await layer.group_send("chat", {"type": "chat.message", "text": str(number)})
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def test_a_connection_whose_channel_is_full_is_closed(
    layer: InMemoryChannelLayer, caplog: pytest.LogCaptureFixture
) -> None:
    """With 1013, while its handler waits; it has left its groups. disconnect() runs when the client goes."""

    async def main() -> None:
        async with connected(Held()) as line:
            await overfill(layer)
            await until(lambda: "close" in line.kinds)
            assert line.sent[-1]["code"] == 1013
            assert await layer.group_count("chat") == 0
            assert layer.losses.as_dict() == {"full": 1, "expired": 0, "disconnected": 0}
            await overfill(layer)
            assert layer.losses["full"] == 1
            Held.here.may_go.set()
            line.leave(1013)
            await line.end()
        assert sorted(Held.here.log) == ["left 1013", "unsent"]
        assert line.texts == []

    run(main())
    closed = [record.message for record in caplog.records if "closed with" in record.message]
    assert closed == ["websocket /live: closed with 1013, as its channel was full"]
    assert "failed" not in caplog.text


def test_a_handshake_that_is_not_answered_meanwhile_is_refused(layer: InMemoryChannelLayer) -> None:
    """A client that is not yet connected gets 503, where the server can say that."""

    async def main() -> None:
        line = Line(Waits(), extensions={"websocket.http.response": {}})
        line.put({"type": "websocket.connect"})
        await until(lambda: "chat" in layer._books.members)
        await overfill(layer)
        await until(lambda: line.sent)
        assert line.sent[0]["status"] == 503
        Waits.here.may_go.set()
        line.leave()
        await line.end()

    run(main())


@pytest.mark.parametrize("overflow", ["drop_newest", "drop_oldest"])
def test_other_policies_close_nothing(overflow: Any) -> None:
    """The client gets what has not been dropped."""
    layer = InMemoryChannelLayer(capacity=2, overflow=overflow)
    before = channel_layers.set(DEFAULT_CHANNEL_LAYER, layer)

    async def main() -> None:
        async with connected(Held()) as line:
            await overfill(layer)
            Held.here.may_go.set()
            await until(lambda: len(line.texts) == 3)
            assert line.texts == (["0", "1", "2"] if overflow == "drop_newest" else ["0", "2", "3"])
            assert layer.losses["full"] == 1

    try:
        run(main())
    finally:
        channel_layers.set(DEFAULT_CHANNEL_LAYER, before)


def test_a_handler_that_outlives_its_connection_joins_nothing(layer: InMemoryChannelLayer) -> None:
    """What disconnect() or a stray task adds to a group is no member when the connection is over."""

    async def main() -> None:
        async with connected(Held()) as line:
            assert await layer.group_count("chat") == 1
            line.leave()
            await line.end()
        assert await layer.group_count("late") == 0
        await layer.group_add("late", Held.here.channel_name)
        assert await layer.group_count("late") == 0
        assert "0 groups" in repr(layer)

    run(main())


def test_somebody_elses_layer_needs_no_word_for_the_end() -> None:
    """A layer that has only what the specification asks for serves a consumer."""

    class Foreign:
        """The least that a layer can be."""

        async def new_channel(self) -> str:
            """Return a name."""
            return "c!1"

        async def receive(self, channel: str) -> Message:
            """Wait for ever."""
            return await asyncio.Event().wait()  # type: ignore[return-value]

        async def group_add(self, group: str, channel: str) -> None:
            """Do nothing."""

        group_discard = group_add

    before = channel_layers.set(DEFAULT_CHANNEL_LAYER, Foreign())  # type: ignore[arg-type]

    async def main() -> None:
        async with connected(Held()) as line:
            assert line.kinds == ["accept"]

    try:
        run(main())
    finally:
        channel_layers.set(DEFAULT_CHANNEL_LAYER, before)


def test_who_has_left_loses_nothing(layer: InMemoryChannelLayer) -> None:
    """What is sent while a handler still says farewell is no loss, and nobody's channel is full."""

    class Lingers(AsyncWebsocketConsumer):
        gone = False

        async def connect(self) -> None:
            """Join."""
            await self.channel_layer.group_add("chat", self.channel_name)
            await self.accept()

        async def disconnect(self, code: int) -> None:
            """Take some time."""
            type(self).gone = True
            await self.channel_layer.receive("go")

    async def main() -> None:
        async with connected(Lingers.as_asgi()) as line:
            line.leave()
            await until(lambda: Lingers.gone)
            for _ in range(5):
                await layer.group_send("chat", {"type": "chat.message", "text": "x"})
            assert await layer.group_count("chat") == 1
            await layer.send("go", {"type": "go"})
            await line.end()
        assert await layer.group_count("chat") == 0
        assert layer.losses.total == 0

    run(main())
