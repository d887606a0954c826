"""What a framework wants done around the handlers of consumers."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from hybrid import AsyncWebsocketConsumer, WebsocketConsumer
from hybrid.bridge.consumers.housekeeping import HOUSEKEEPING, RUN_IN_THREAD
from hybrid.bridge.testing import WebsocketCommunicator
from tests.support.embedded import until
from tests.support.layers import run

done: list[Any] = []


class Asynchronous(AsyncWebsocketConsumer):
    """Notes when its handler runs, and fails when told so."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Note it."""
        done.append(text_data)
        if text_data == "fail":
            raise RuntimeError("on purpose")
        await self.send("done")


class Synchronous(WebsocketConsumer):
    """The same on a thread."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Note it, and where."""
        done.append((text_data, threading.get_ident()))
        self.send("done")


@pytest.fixture(autouse=True)
def _nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    done.clear()
    monkeypatch.setattr(HOUSEKEEPING, "on_loop", None)
    monkeypatch.setattr(HOUSEKEEPING, "on_thread", None)


async def talk(consumer: Any, text: str, around: int = 2) -> None:
    """Send one message to a consumer, and leave.

    What is done after a handler comes later than what that sends: so many notes are waited for around each.
    """
    done.clear()
    client = WebsocketCommunicator(consumer.as_asgi(), "/")
    await client.connect()
    await until(lambda: len(done) == around)
    await client.receive_nothing()
    done.clear()
    await client.send_to(text_data=text)
    await client.receive_from()
    await until(lambda: len(done) == around + 1)
    await client.receive_nothing()
    noted = list(done)
    await client.disconnect()
    done[:] = noted


def test_on_the_loop() -> None:
    """It is asked before and after a handler, and what it returns is awaited; None costs nothing."""

    async def note() -> None:
        done.append("tidied")

    HOUSEKEEPING.on_loop = lambda: None
    run(talk(Asynchronous, "hello", around=0))
    assert done == ["hello"]
    HOUSEKEEPING.on_loop = note
    run(talk(Asynchronous, "hello"))
    assert done == ["tidied", "hello", "tidied"]


def test_after_a_failure() -> None:
    """A handler that raises is tidied up after too."""

    async def note() -> None:
        done.append("tidied")

    HOUSEKEEPING.on_loop = note
    with pytest.raises(RuntimeError, match="on purpose"):
        run(talk(Asynchronous, "fail"))
    assert done == ["tidied", "fail", "tidied"]


def test_on_a_thread() -> None:
    """It is called before and after a handler, on its thread."""
    HOUSEKEEPING.on_thread = lambda: done.append(("tidied", threading.get_ident()))
    run(talk(Synchronous, "hello"))
    assert [what for what, _ in done] == ["tidied", "hello", "tidied"]
    assert len({thread for _, thread in done}) == 1
    assert done[0][1] != threading.get_ident()


def test_another_way_to_run() -> None:
    """A scope can say how a synchronous handler is run."""

    async def here(function: Callable[[Any], object], argument: Any) -> None:
        done.append("here")
        if argument["type"] != "websocket.receive":
            function(argument)

    async def scenario() -> None:
        client = WebsocketCommunicator(Synchronous.as_asgi(), "/")
        client.scope[RUN_IN_THREAD] = here
        await client.send_input({"type": "websocket.receive", "text": "x"})
        await client.receive_nothing()
        client.stop(exceptions=False)

    run(scenario())
    assert done == ["here"]


def test_repr() -> None:
    """It says what is done."""
    assert repr(HOUSEKEEPING) == "<Housekeeping on_thread=None on_loop=None>"
