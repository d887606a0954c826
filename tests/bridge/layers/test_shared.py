"""The end of a layer of several processes, and its move to another loop, for those who are using it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from hybrid.bridge.errors import ChannelLayerError
from hybrid.bridge.layers.codec import encode
from hybrid.bridge.layers.hub import Hub, HubEvents, Joining, Sending
from hybrid.bridge.layers.shared import SharedChannelLayer
from tests.support.layers import run, until


class QuietHub:
    """A connection of which nobody is at the other end: what is asked is done at once, queues are empty.

    Args:
        connects: whether there is a connection.
    """

    settling = 0.0

    def __init__(self, *, connects: bool = True) -> None:
        self.goodbye = asyncio.Event()  # what :meth:`close` waits for
        self.goodbye.set()
        self.closes = 0
        self.takes: list[asyncio.Future[bytes]] = []
        self.has_room = connects
        self._events: HubEvents

    def open(self, node: str, events: HubEvents) -> None:
        """Have a connection at once."""
        self._events = events
        if self.has_room:
            events.connected()

    async def close(self) -> None:
        """End as the hubs do: first nothing works any more, then there is a goodbye."""
        self.closes += 1
        self.stop()
        await self.goodbye.wait()

    def stop(self) -> None:
        """End at once."""
        self.has_room = False
        for take in self.takes:
            take.set_exception(ConnectionError("closed"))

    def take(self, queue: str) -> asyncio.Future[bytes]:
        """Wait for a message of a queue."""
        self._require_connection()
        self.takes.append(asyncio.get_running_loop().create_future())
        return self.takes[-1]

    def publish(self, group: str, body: bytes, kept: Sending) -> None:
        """Send to nobody."""
        self._require_connection()

    def subscribe(self, group: str) -> None:
        """Note nothing."""
        self._require_connection()

    def count(self, group: str) -> asyncio.Future[int]:
        """Never return how many there are."""
        self._require_connection()
        return asyncio.get_running_loop().create_future()

    async def join(self, joining: Joining, at: Callable[[int], Awaitable[object]]) -> None:
        """Have a member at once."""
        self._require_connection()
        await at(0)

    def _require_connection(self) -> None:
        if not self.has_room:
            raise ConnectionError("there is no connection")


class QuietLayer(SharedChannelLayer):
    """A layer over such hubs, one for each loop on which it is at work."""

    def __init__(self, *, connects: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.hubs: list[QuietHub] = []
        self._connects = connects

    def make_hub(self) -> Hub:
        """Return a new hub."""
        self.hubs.append(QuietHub(connects=self._connects))
        return cast("Hub", self.hubs[-1])


@pytest.mark.parametrize("connects", [True, False])
def test_who_reads_a_queue_hears_of_the_end_of_the_layer(connects: bool) -> None:
    """With a connection, and without one; also while the goodbye takes its time."""

    async def main() -> None:
        layer = QuietLayer(connects=connects)
        await layer.open()
        layer.hubs[0].goodbye.clear()
        reading = asyncio.create_task(layer.receive("jobs"))
        await until(lambda: layer.hubs[0].takes or not connects)
        closing = asyncio.create_task(layer.close())
        with pytest.raises(ChannelLayerError, match=r"channel jobs: QuietLayer: .*closed"):
            await reading
        assert not closing.done()
        layer.hubs[0].goodbye.set()
        await closing

    run(main())


def test_who_reads_a_queue_on_another_loop_hears_of_the_end_of_the_layer() -> None:
    """The error crosses to the reader's thread."""
    errors: list[ChannelLayerError] = []

    async def main() -> None:
        layer = QuietLayer()
        await layer.open()

        def read() -> None:
            with pytest.raises(ChannelLayerError) as caught:
                run(layer.receive("jobs"))
            errors.append(caught.value)

        thread = threading.Thread(target=read)
        thread.start()
        await until(lambda: layer.hubs[0].takes)
        await layer.close()
        await until(lambda: errors)
        thread.join()

    run(main())


def test_who_reads_a_queue_goes_on_when_the_layer_moves() -> None:
    """A server opens the layer on another loop: from there comes the message."""
    done = threading.Event()
    layer = QuietLayer()

    async def serve() -> None:
        await layer.open()
        await until(lambda: layer.hubs[1].takes)
        layer.hubs[1].takes[0].set_result(encode({"n": 1}))
        await asyncio.to_thread(done.wait)
        layer.hubs[1].takes.clear()
        await layer.close()

    async def main() -> None:
        reading = asyncio.create_task(layer.receive("jobs"))
        await until(lambda: layer.hubs and layer.hubs[0].takes)
        server = threading.Thread(target=run, args=(serve(),))
        server.start()
        try:
            assert await reading == {"n": 1}
        finally:
            done.set()
            await asyncio.to_thread(server.join)

    run(main())


def test_what_is_sent_while_the_layer_closes_is_counted() -> None:
    """It is too late to be sent, and no error; nobody has to know that the layer is closing."""

    async def main() -> None:
        layer = QuietLayer()
        await layer.open()
        hub = layer.hubs[0]
        hub.goodbye.clear()
        closing = asyncio.create_task(layer.close())
        await until(lambda: hub.closes)
        channel = await layer.new_channel()
        await layer.group_add("g", channel)
        await layer.group_send("g", {"n": 1})
        await layer.send("jobs", {"n": 1})
        with pytest.raises(ChannelLayerError):
            await layer.group_count("g")
        again = asyncio.create_task(layer.close())
        await asyncio.sleep(0)
        hub.goodbye.set()
        await closing
        await again
        assert layer.losses.as_dict() == {"full": 0, "expired": 0, "disconnected": 2}
        assert (len(layer.hubs), hub.closes) == (1, 1)
        assert layer._roster.groups() == []

    run(main())


def test_memberships_end_with_the_layer() -> None:
    """Who uses it again afterwards finds nobody in its groups."""

    async def main() -> None:
        layer = QuietLayer()
        await layer.open()
        await layer.group_add("g", await layer.new_channel())
        assert await layer._local.group_count("g") == 1
        await layer.close()
        await layer.open()
        assert await layer._local.group_count("g") == 0
        await layer.close()

    run(main())
