"""The channel layers of a process while servers run in it."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers import InMemoryChannelLayer, channel_layers
from hybrid.bridge.layers.life import LayersInUse, loop_of
from hybrid.bridge.layers.specs import parse_layer
from tests.support.layers import run

HERE = __name__


class Noted(InMemoryChannelLayer):
    """Notes on which loop it was opened and closed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.notes: list[str] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self.heard = threading.Event()

    async def open(self) -> None:
        """Note."""
        self.notes.append("open")
        self.loop = asyncio.get_running_loop()
        self.heard.set()

    async def close(self) -> None:
        """Note."""
        self.notes.append("close")


class Stubborn(Noted):
    """Does not close."""

    async def close(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


class Failing(Noted):
    """Can be neither opened nor closed."""

    async def open(self) -> None:
        """Fail."""
        raise PermissionError("not here")

    async def close(self) -> None:
        """Fail."""
        raise PermissionError("not here either")


class Foreign:
    """Somebody else's layer, which has connections."""

    def __init__(self) -> None:
        self.closed = 0

    async def close_pools(self) -> None:
        """Note."""
        self.closed += 1


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the layers of the process as they were."""
    yield
    channel_layers.__init__()  # type: ignore[misc]
    assert channel_layers.on_made is None


def noted(alias: str = "default") -> Noted:
    """Return a layer that notes."""
    layer = channel_layers[alias]
    assert isinstance(layer, Noted)
    return layer


SPECS = {"default": parse_layer(f"{HERE}.Noted")}


def test_opened_and_closed() -> None:
    """By the server that was told of it, on its loop, and forgotten after that."""

    async def main() -> None:
        use = LayersInUse(SPECS)
        layer = noted()
        await use.open()
        assert (layer.notes, layer.loop) == (["open"], asyncio.get_running_loop())
        assert loop_of(layer) is layer.loop
        await use.close(1)
        assert layer.notes == ["open", "close"]
        assert loop_of(layer) is None
        assert channel_layers["default"] is not layer

    run(main())


def test_the_last_server_closes() -> None:
    """A layer that another server of the process still uses stays open."""

    async def main() -> None:
        first, second = LayersInUse(SPECS), LayersInUse(SPECS)
        await first.open()
        await second.open()
        layer = noted()
        assert layer.notes == ["open"]
        await first.close(1)
        assert "close" not in layer.notes
        assert channel_layers["default"] is layer
        await second.close(1)
        assert layer.notes[-1] == "close"

    run(main())


def test_another_loop_takes_over() -> None:
    """When the server that has opened a layer stops, one that runs on another thread opens it there."""

    async def stay(opened: threading.Event, stop: asyncio.Event) -> None:
        use = LayersInUse({})
        await use.open()
        opened.set()
        await stop.wait()
        await use.close(1)

    async def main() -> None:
        channel_layers.set("default", Noted())
        layer = noted()
        first = LayersInUse({})
        await first.open()
        here = asyncio.get_running_loop()
        assert loop_of(layer) is here
        layer.heard.clear()
        loop, stop, opened = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
        thread = threading.Thread(target=loop.run_until_complete, args=(stay(opened, stop),))
        thread.start()
        assert await asyncio.to_thread(opened.wait, 20)
        await first.close(1)
        assert await asyncio.to_thread(layer.heard.wait, 20)
        assert layer.loop is loop
        assert loop_of(layer) is loop
        loop.call_soon_threadsafe(stop.set)
        await asyncio.to_thread(thread.join)
        loop.close()
        assert layer.notes == ["open", "open", "close"]

    run(main())


def test_made_later() -> None:
    """A layer that is made or set while a server runs is opened too; one that nobody asks for is not made."""

    async def main() -> None:
        use = LayersInUse(SPECS, eager=False)
        await use.open()
        assert channel_layers.known() == []
        made, given = noted(), Noted()
        channel_layers.set("chat", given)
        for layer in (made, given):
            await asyncio.to_thread(layer.heard.wait, 20)
        await use.close(1)
        assert made.notes == given.notes == ["open", "close"]

    run(main())


def test_the_programs_own(caplog: pytest.LogCaptureFixture) -> None:
    """What the program has set goes before what the server was told, and the log says so."""

    async def main() -> None:
        use = LayersInUse({"default": parse_layer("redis://:secret@h")})
        own = Noted()
        channel_layers.set("default", own)
        await use.open()
        assert own.notes == ["open"]
        await use.close(1)

    run(main())
    assert "the program has its own channel layer 'default': redis://:***@h is not used" in caplog.text


def test_cannot_be_opened() -> None:
    """The server does not start; what is open already is closed."""

    async def main() -> None:
        channel_layers.set("first", Noted())
        channel_layers.set("second", Failing())
        use = LayersInUse({})
        with pytest.raises(ConfigError, match="Failing cannot be opened: not here"):
            await use.open()
        await use.close(1)
        assert noted("first").notes == ["open", "close"]

    run(main())


def test_cannot_be_opened_later(caplog: pytest.LogCaptureFixture) -> None:
    """While a server runs that is an error in the log."""

    async def main() -> None:
        use = LayersInUse({})
        await use.open()
        channel_layers.set("second", Failing())
        async with asyncio.timeout(20):
            while not caplog.text:
                await asyncio.sleep(0)
        await use.close(1)

    run(main())
    assert "Failing cannot be opened: not here" in caplog.text
    assert "Failing: closing it failed: PermissionError: not here either" in caplog.text


def test_a_deadline(caplog: pytest.LogCaptureFixture) -> None:
    """A layer that does not close does not keep the others, nor the server."""

    async def main() -> None:
        for alias, layer in (("one", Stubborn()), ("two", Noted())):
            channel_layers.set(alias, layer)
        use = LayersInUse({})
        await use.open()
        await use.close(0.01)
        assert noted("two").notes == ["open", "close"]

    run(main())
    assert "1 channel layers are not closed" in caplog.text


def test_losses_are_said(caplog: pytest.LogCaptureFixture) -> None:
    """What was lost and has not been logged yet is logged at the end."""

    async def main() -> None:
        channel_layers.set("default", Noted())
        use = LayersInUse({})
        await use.open()
        noted().losses.count("full", example="x")
        noted().losses.count("full", 4)
        await use.close(1)

    with caplog.at_level(logging.WARNING, "hybrid.layers"):
        run(main())
    assert "Noted: messages lost: 4 full" in caplog.text


def test_somebody_elses() -> None:
    """Its connections are closed, if it has a method for that."""

    async def main() -> None:
        layer: Any = Foreign()
        channel_layers.set("default", layer)
        channel_layers.set("other", object())  # type: ignore[arg-type]
        use = LayersInUse({})
        await use.open()
        await use.close(1)
        assert layer.closed == 1

    run(main())


def test_discarded() -> None:
    """A server that does not start leaves no trace."""
    use = LayersInUse(SPECS)
    use.discard()
    use.discard()
    assert isinstance(channel_layers["default"], InMemoryChannelLayer)
    assert not isinstance(channel_layers["default"], Noted)
