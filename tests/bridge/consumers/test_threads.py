"""Synchronous consumers: their handlers on threads, and what they send from there."""

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from hybrid.bridge import (
    AsyncWebsocketConsumer,
    ClientDisconnected,
    PortalError,
    ThreadPool,
    WebsocketConsumer,
)
from hybrid.bridge.consumers import threads
from hybrid.bridge.consumers.threads import shared_pool
from hybrid.bridge.types import Message
from tests.support.consumers import Line, connected
from tests.support.embedded import until
from tests.support.layers import run


class Echo(WebsocketConsumer):
    """Sends back what comes, once it may."""

    may_go: threading.Event | None = None

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer."""
        self.log.append(text_data or "")
        if self.may_go is not None:
            assert self.may_go.wait(20)
        try:
            self.send(text_data)
        except ClientDisconnected:
            self.log.append("unsent")

    def disconnect(self, code: int) -> None:
        """Write it down."""
        self.log.append(f"left {code}")


def consumer(**settings: Any) -> Any:
    """Make a class of consumers with these attributes."""
    return type("Echo", (Echo,), settings)


class Held:
    """Makes one consumer, and keeps it."""

    def __init__(self, **settings: Any) -> None:
        self.cls = consumer(**settings)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        self.consumer: Echo = self.cls()
        await self.consumer(scope, receive, send)


def test_order_is_kept_and_threads_come_back() -> None:
    """Messages are handled in their order, whichever threads handle them, and then no thread is busy."""

    async def main() -> None:
        async with connected(Echo.as_asgi()) as line:
            texts = [str(number) for number in range(50)]
            line.say(*texts)
            await until(lambda: len(line.texts) == 50)
            assert line.texts == texts
        await until(lambda: shared_pool().stats().busy == 0)

    run(main())


def test_the_loop_goes_on() -> None:
    """A handler that blocks its thread holds up neither the loop nor other consumers; the client's leaving is
    heard, and what the handler sends then raises.
    """
    may_go = threading.Event()

    async def main() -> None:
        app = Held(may_go=may_go)
        async with connected(app) as line, connected(Echo.as_asgi()) as other:
            line.say("slow")
            await until(lambda: app.consumer.log == ["slow"])
            other.say("quick")
            await until(lambda: other.texts == ["quick"])
            line.leave(1001)
            await until(lambda: app.consumer.log == ["slow", "left 1001"])
            may_go.set()
            await line.end()
            assert app.consumer.log == ["slow", "left 1001", "unsent"]

    try:
        run(main())
    finally:
        may_go.set()


def test_context_variables_flow_there_and_back() -> None:
    """A handler sees what was set outside and by the handlers before it."""
    outer: ContextVar[str] = ContextVar("outer")
    inner: ContextVar[str] = ContextVar("inner", default="unset")

    class Sees(WebsocketConsumer):
        def connect(self) -> None:
            inner.set(outer.get())
            self.accept()

        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            self.send(inner.get())

    async def main() -> None:
        outer.set("outside")
        async with connected(Sees.as_asgi()) as line:
            line.say("x")
            await until(lambda: line.texts == ["outside"])
        assert inner.get() == "unset"

    run(main())


async def send_nowhere(message: Message) -> None:
    """Do nothing."""


def test_sending_from_other_threads() -> None:
    """send() works on a thread that the application starts; on the loop it refuses, as it would wait for
    itself.
    """

    class Starts(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            thread = threading.Thread(target=self.send, args=(text_data,))
            thread.start()
            thread.join()

    async def main() -> None:
        async with connected(Starts.as_asgi()) as line:
            line.say("x")
            await until(lambda: line.texts == ["x"])
        consumer = Echo()
        consumer.bind(send_nowhere)
        with pytest.raises(PortalError, match="event loop"):
            consumer.send("x")

    run(main())


@pytest.mark.parametrize("text", ["stop", "fail"])
def test_failures(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """A handler that raises closes with 1011, StopIteration too, and is logged with its name."""

    class Fails(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            raise StopIteration if text_data == "stop" else RuntimeError("on purpose")

    async def main() -> None:
        async with connected(Fails.as_asgi()) as line:
            line.say(text)
            await until(lambda: line.kinds == ["accept", "close"])
            assert line.sent[-1]["code"] == 1011

    run(main())
    assert [record.message.rpartition(".")[2] for record in caplog.records] == ["websocket_receive failed"]


def test_a_handler_that_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """After `handler_timeout` the WebSocket is closed; the thread goes on, and a late failure is logged."""
    may_go = threading.Event()

    class Fails(WebsocketConsumer):
        handler_timeout = 1  # by then it has accepted, on however busy a machine

        def connect(self) -> None:
            self.accept()
            assert may_go.wait(20)
            raise RuntimeError("on purpose")

    async def main() -> None:
        async with connected(Fails.as_asgi()) as line:
            await until(lambda: line.kinds == ["accept", "close"])
        may_go.set()
        await until(lambda: len(caplog.records) == 2)

    try:
        run(main())
    finally:
        may_go.set()
    assert "has not ended within 1 s" in caplog.records[0].message
    assert caplog.records[1].message == "a handler that nobody waited for any longer failed"


def test_a_full_pool(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler waits for room in the pool; without any for too long it is closed with 1013, or refused."""
    monkeypatch.setattr(threads, "_STEP", 0.001)
    pool = ThreadPool(1, queue=1, name="tight")
    may_go = threading.Event()

    async def main() -> None:
        app = Held(may_go=may_go, thread_pool=pool)
        free = consumer(thread_pool=pool).as_asgi()
        async with connected(app) as line, connected(free) as second:
            line.say("slow")
            await until(lambda: app.consumer.log == ["slow"])
            second.say("queued")
            await until(lambda: pool.queued == 1)
            third = Line(free)
            third.put({"type": "websocket.connect"})
            for _ in range(10):
                await asyncio.sleep(0.001)
            assert third.sent == []
            may_go.set()
            await until(lambda: third.kinds == ["accept"])
            third.leave()
            await third.end()
            may_go.clear()
            monkeypatch.setattr(threads, "_ROOM_SECONDS", 0.002)
            line.say("slow")
            await until(lambda: len(app.consumer.log) == 2)
            second.say("queued")
            await until(lambda: pool.queued == 1)
            fourth = Line(free)
            fourth.put({"type": "websocket.connect"})
            await until(lambda: fourth.kinds == ["close"])
            monkeypatch.setattr(threads, "_ROOM_SECONDS", 20)
            may_go.set()
            fourth.leave()
            await fourth.end()

    try:
        run(main())
    finally:
        may_go.set()
        assert pool.close(20)
    assert "thread pool 'tight'" in caplog.text


def test_async_consumers_use_no_thread() -> None:
    """Handlers that are coroutines all run on the loop's own thread."""
    seen: set[str] = set()

    class Where(AsyncWebsocketConsumer):
        async def dispatch(self, message: Message) -> None:
            seen.add(threading.current_thread().name)
            await super().dispatch(message)

    async def main() -> None:
        before = threading.active_count()
        async with connected(Where.as_asgi()) as line:
            line.say("x", "y")
            await until(lambda: line.heard == 3)
        assert threading.active_count() <= before  # one of another test's may have ended

    run(main())
    assert seen == {threading.current_thread().name}
